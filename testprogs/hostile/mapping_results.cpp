// What the calls that change mappings return, and leave in errno: in order and wrongly used, under a lock, in
// a signal handler, in a forked child and before main.
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

constexpr size_t kPage = 4096;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

char* map(size_t pages, int protection = PROT_READ | PROT_WRITE) {
  return static_cast<char*>(mmap(nullptr, pages * kPage, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

// A constructor of the program's own, and what it got.
char* early_memory = nullptr;
int early_result = -1;
[[gnu::constructor(101)]] void map_early() {
  early_memory = map(2);
  early_result = munmap(early_memory + kPage, kPage);
}

template <class Call>
void tell(const char* what, Call call) {
  errno = 4711;
  const long result = static_cast<long>(call());
  std::printf("%s: %ld %d\n", what, result, errno);
}

long worked(const void* at) {
  return at != MAP_FAILED;
}

volatile sig_atomic_t in_handler = 0;
void handle(int) {
  const int before = errno;
  char* memory = map(1);
  memory[0] = 1;
  in_handler = munmap(memory, kPage) == 0 && mprotect(reinterpret_cast<void*>(1), kPage, PROT_READ) == -1 &&
               errno == EINVAL;
  errno = before;
}

void results(const char* where) {
  std::printf("%s\n", where);
  char* memory = map(8);
  memory[0] = 'a';
  tell("mmap of nothing",
       [] { return worked(mmap(nullptr, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); });
  tell("mmap of a bad descriptor",
       [] { return worked(mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, -1, 0)); });
  tell("mmap64",
       [] { return worked(mmap64(nullptr, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); });
  tell("mmap in place", [&] {
    return mmap(memory + 4 * kPage, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
           memory + 4 * kPage;
  });
  tell("mprotect", [&] { return mprotect(memory, kPage, PROT_READ); });
  tell("mprotect unaligned", [&] { return mprotect(memory + 1, kPage, PROT_READ); });
  tell("pkey_mprotect", [&] { return pkey_mprotect(memory, kPage, PROT_READ | PROT_WRITE, -1); });
  tell("mremap larger in place", [&] { return worked(mremap(memory, 8 * kPage, 8 * kPage, 0)); });
  char* target = map(8);
  tell("mremap to a place",
       [&] { return mremap(memory, 2 * kPage, 2 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target; });
  tell("what was there", [&] { return target[0]; });
  tell("mremap of nothing", [&] { return worked(mremap(memory + 1, kPage, kPage, 0)); });
  tell("madvise", [&] { return madvise(target, kPage, MADV_DONTNEED); });
  tell("what is there", [&] { return target[0]; });
  tell("madvise of nobody knows what", [&] { return madvise(target, kPage, 4711); });
  tell("posix_madvise", [&] { return posix_madvise(target, kPage, POSIX_MADV_WILLNEED); });
  tell("posix_madvise unaligned", [&] { return posix_madvise(target + 1, kPage, POSIX_MADV_RANDOM); });
  tell("mlock", [&] { return mlock(target, kPage); });
  tell("mlock2", [&] { return mlock2(target, kPage, MLOCK_ONFAULT); });
  tell("mlock2 wrongly", [&] { return mlock2(target, kPage, 64); });
  tell("munlock", [&] { return munlock(target, kPage); });
  tell("mlockall wrongly", [] { return mlockall(0); });
  tell("munlockall", [] { return munlockall(); });
  tell("munmap", [&] { return munmap(target, 8 * kPage); });
  tell("munmap again", [&] { return munmap(target, 8 * kPage); });
  tell("munmap unaligned", [&] { return munmap(target + 1, kPage); });
  tell("sbrk", [] { return sbrk(kPage) != reinterpret_cast<void*>(-1); });
  tell("sbrk back", [] { return sbrk(-static_cast<intptr_t>(kPage)) != reinterpret_cast<void*>(-1); });
  tell("sbrk of too much", [] { return sbrk(INTPTR_MAX) != reinterpret_cast<void*>(-1); });
  tell("brk", [] { return brk(sbrk(0)); });
  tell("brk of too much", [] { return brk(reinterpret_cast<void*>(INTPTR_MAX)); });
  in_handler = 0;
  raise(SIGUSR1);
  std::printf("in a handler: %d\n", static_cast<int>(in_handler));
}

}  // namespace

int main() {
  signal(SIGUSR1, handle);
  early_memory[0] = 'e';
  std::printf("before main: %c %d\n", early_memory[0], early_result);
  results("alone");
  pthread_mutex_lock(&lock);
  results("under a lock");
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    results("in a child");
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  pthread_mutex_unlock(&lock);
  std::printf("child: %d\n", status);
}
