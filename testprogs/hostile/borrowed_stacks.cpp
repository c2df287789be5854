// Locks on stacks that the program made itself, or that are as small as they may be: nothing may be read
// behind their ends, and next to nothing put on them.
#include <alloca.h>
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

constexpr size_t kPage = 4096;

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
int pairs = 0;

[[gnu::noinline]] void lock_pair() {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_lock(&lock_b);
  ++pairs;
  pthread_mutex_unlock(&lock_b);
  pthread_mutex_unlock(&lock_a);
}

ucontext_t outside;
ucontext_t inside;
volatile size_t padding = 0;

[[gnu::noinline]] void lock_below_padding() {
  auto* pad = static_cast<volatile char*>(alloca(padding + 16));
  pad[0] = 1;
  lock_pair();
  pad[1] = 2;
}

void run_coroutine(void* stack, size_t size) {
  getcontext(&inside);
  inside.uc_stack.ss_sp = stack;
  inside.uc_stack.ss_size = size;
  inside.uc_link = &outside;
  makecontext(&inside, lock_below_padding, 0);
  swapcontext(&outside, &inside);
}

// Nothing is mapped below and above the stack.
void run_between_gaps(char* reserved, size_t size, size_t pad) {
  const size_t mapped = (size + kPage - 1) / kPage * kPage;
  char* stack = reserved + kPage;
  mmap(stack, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  padding = pad;
  run_coroutine(stack, size);
  mmap(stack, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void on_signal(int number) {
  char text[512];
  std::snprintf(text, sizeof text, "signal %d", number);
  lock_pair();
}

void* below_a_large_frame(void* unused) {
  auto* frame = static_cast<volatile char*>(alloca(6000));
  frame[0] = 1;
  lock_pair();
  frame[1] = 2;
  return unused;
}

int main() {
  auto* reserved =
      static_cast<char*>(mmap(nullptr, 16 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  // The dynamic linker, too, needs room: it binds the functions here.
  lock_pair();

  // Both take the locks at one address; where the first has its caller, the second has no memory.
  for (int round = 0; round < 3; ++round) {
    run_between_gaps(reserved, 33'280, 1024);
    run_between_gaps(reserved, 32'768, 512);
  }
  std::printf("coroutines at one place, of two sizes: %d\n", pairs);

  for (int round = 0; round < 3; ++round) run_between_gaps(reserved, kPage, 0);
  std::printf("coroutines of one page: %d\n", pairs);

  char* small = reserved + kPage;
  mmap(small, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  stack_t alternate{};
  alternate.ss_sp = small;
  alternate.ss_size = 2 * kPage;
  sigaltstack(&alternate, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  for (int round = 0; round < 3; ++round) raise(SIGUSR1);
  std::printf("signal stack of two pages: %d\n", pairs);

  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, static_cast<size_t>(sysconf(_SC_THREAD_STACK_MIN)));
  pthread_t thread;
  const int created = pthread_create(&thread, &attr, below_a_large_frame, nullptr);
  if (created == 0) pthread_join(thread, nullptr);
  std::printf("smallest thread, large frame: created %d, %d\n", created, pairs);
}
