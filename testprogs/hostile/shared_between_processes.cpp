// A mutex and a condition in memory shared by processes that forked from each other; and a robust one whose
// owner dies with its process.
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

struct Shared {
  pthread_mutex_t lock;
  pthread_mutex_t inner;
  pthread_mutex_t robust;
  pthread_cond_t changed;
  int count;
};

void init_mutex(pthread_mutex_t* mutex, bool robust) {
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
  if (robust) pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(mutex, &attr);
  pthread_mutexattr_destroy(&attr);
}

void count_up(Shared* shared) {
  for (int i = 0; i < 1'000; ++i) {
    pthread_mutex_lock(&shared->lock);
    pthread_mutex_lock(&shared->inner);
    ++shared->count;
    pthread_mutex_unlock(&shared->inner);
    pthread_cond_signal(&shared->changed);
    pthread_mutex_unlock(&shared->lock);
  }
}

int main() {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* shared = static_cast<Shared*>(memory);
  init_mutex(&shared->lock, false);
  init_mutex(&shared->inner, false);
  init_mutex(&shared->robust, true);
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(&shared->changed, &attr);

  const pid_t counter = fork();
  if (counter == 0) {
    count_up(shared);
    pthread_mutex_lock(&shared->robust);
    _exit(0);
  }
  pthread_mutex_lock(&shared->lock);
  while (shared->count < 1'000) pthread_cond_wait(&shared->changed, &shared->lock);
  pthread_mutex_unlock(&shared->lock);
  count_up(shared);
  waitpid(counter, nullptr, 0);
  std::printf("count %d\n", shared->count);
  std::printf("lock of a dead process: %s\n", strerrorname_np(pthread_mutex_lock(&shared->robust)));
  std::printf("consistent %d\n", pthread_mutex_consistent(&shared->robust));
  std::printf("unlock %d\n", pthread_mutex_unlock(&shared->robust));
}
