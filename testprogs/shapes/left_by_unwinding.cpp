// A lock taken after an initialiser, or a wait for a semaphore, was left by an exception or by cancellation:
// neither is held any more. With "inside" the initialiser itself takes the lock before it is left.
#include <pthread.h>
#include <semaphore.h>

#include <cstring>
#include <mutex>
#include <stdexcept>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
sem_t permit;
std::once_flag flag;
pthread_once_t control = PTHREAD_ONCE_INIT;
bool take_inside = false;

void use_lock(void*) {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
}

void throw_up() {
  if (take_inside) use_lock(nullptr);
  throw std::runtime_error("left");
}

void be_cancelled() {
  if (take_inside) use_lock(nullptr);
  pthread_cancel(pthread_self());
  pthread_testcancel();
}

void* throws_out_of_once(void*) {
  try {
    std::call_once(flag, throw_up);
  } catch (const std::runtime_error&) {
    use_lock(nullptr);
  }
  return nullptr;
}

void* cancelled_in_once(void*) {
  pthread_cleanup_push(use_lock, nullptr);
  pthread_once(&control, be_cancelled);
  pthread_cleanup_pop(0);
  return nullptr;
}

void* cancelled_in_semaphore(void*) {
  pthread_cleanup_push(use_lock, nullptr);
  sem_wait(&permit);
  pthread_cleanup_pop(0);
  return nullptr;
}

// left_by_unwinding throw|cancel|semaphore [inside]
int main(int count, char** arguments) {
  take_inside = count == 3;
  sem_init(&permit, 0, 1);
  pthread_t thread{};
  if (std::strcmp(arguments[1], "throw") == 0) pthread_create(&thread, nullptr, throws_out_of_once, nullptr);
  if (std::strcmp(arguments[1], "cancel") == 0) pthread_create(&thread, nullptr, cancelled_in_once, nullptr);
  if (std::strcmp(arguments[1], "semaphore") == 0) {
    // Taken by nobody who is still there: the wait can only be cancelled.
    pthread_t taker;
    pthread_create(
        &taker, nullptr, [](void*) -> void* { return sem_wait(&permit), nullptr; }, nullptr);
    pthread_join(taker, nullptr);
    pthread_create(&thread, nullptr, cancelled_in_semaphore, nullptr);
    pthread_cancel(thread);
  }
  pthread_join(thread, nullptr);
}
