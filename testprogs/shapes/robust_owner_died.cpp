// A robust mutex whose owner ended with it: who takes it next, under another lock, has it as surely as if it
// had been free. The order it came in counts, and so does the one it leads to.
#include <pthread.h>

#include <cerrno>
#include <cstdlib>
#include <semaphore>
#include <thread>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t robust_lock;

void* die_with_lock(void*) {
  pthread_mutex_lock(&robust_lock);
  return nullptr;
}

[[gnu::noinline]] void recover() {
  pthread_mutex_lock(&lock_a);
  if (pthread_mutex_lock(&robust_lock) != EOWNERDEAD) std::abort();
  pthread_mutex_consistent(&robust_lock);
  pthread_mutex_unlock(&robust_lock);
  pthread_mutex_unlock(&lock_a);
}

[[gnu::noinline]] void recover_in_order() {
  if (pthread_mutex_lock(&robust_lock) != EOWNERDEAD) std::abort();
  pthread_mutex_consistent(&robust_lock);
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  pthread_mutex_unlock(&robust_lock);
}

// Left without pthread_mutex_consistent: nobody gets it again, so nothing is taken under it.
[[gnu::noinline]] void give_up() {
  if (pthread_mutex_lock(&robust_lock) != EOWNERDEAD) std::abort();
  pthread_mutex_unlock(&robust_lock);
  if (pthread_mutex_lock(&robust_lock) != ENOTRECOVERABLE) std::abort();
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
}

[[gnu::noinline]] void use_in_order() {
  if (pthread_mutex_lock(&robust_lock) == ENOTRECOVERABLE) return;
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  pthread_mutex_unlock(&robust_lock);
}

// robust_owner_died inverted|ranked|lost
int main(int, char** arguments) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&robust_lock, &attributes);
  std::binary_semaphore recovered{0};
  std::thread user([&] {
    recovered.acquire();
    use_in_order();
  });
  pthread_t dead;
  pthread_create(&dead, nullptr, die_with_lock, nullptr);
  pthread_join(dead, nullptr);
  switch (*arguments[1]) {
    case 'i':
      recover();
      break;
    case 'r':
      recover_in_order();
      break;
    default:
      give_up();
  }
  recovered.release();
  user.join();
}
