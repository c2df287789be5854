// Locks that end while they are held: their memory is unmapped, or their destroy function refuses.
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include <cstdio>
#include <mutex>
#include <thread>

std::mutex first;
std::mutex second;
constexpr std::size_t kPage = 4096;

pthread_mutex_t* lock_in_a_page() {
  auto* mutex = static_cast<pthread_mutex_t*>(
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  pthread_mutex_init(mutex, nullptr);
  pthread_mutex_lock(mutex);
  return mutex;
}

void gone_before_the_next() {
  munmap(lock_in_a_page(), kPage);
  const std::lock_guard one(first);
  const std::lock_guard two(second);
}

void gone_after_the_next() {
  pthread_mutex_t* mutex = lock_in_a_page();
  first.lock();
  first.unlock();
  munmap(mutex, kPage);
  const std::lock_guard two(second);
}

void gone_at_the_end() {
  munmap(lock_in_a_page(), kPage);
}

int main() {
  std::thread(gone_before_the_next).join();
  std::thread(gone_after_the_next).join();
  std::thread(gone_at_the_end).join();

  pthread_mutexattr_t shared;
  pthread_mutexattr_init(&shared);
  pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
  pthread_mutex_t busy;
  pthread_mutex_init(&busy, &shared);
  pthread_mutex_lock(&busy);
  std::printf("busy: %d\n", pthread_mutex_destroy(&busy) == EBUSY);
  first.lock();
  first.unlock();
  pthread_mutex_unlock(&busy);
  std::printf("not busy: %d\n", pthread_mutex_destroy(&busy));
}
