// Two threads take pairs of locks in ever new orders until the process is killed. Each pair is told in a
// shared file mapping, whose path is the argument, once both are held: what is told was done, whenever death
// comes.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <thread>

constexpr std::size_t kLocks = 96;
constexpr std::size_t kThreads = 2;
constexpr std::size_t kMostTold = 8192;

// Of one thread; a file is an array of them.
struct Told {
  std::atomic<std::uint64_t> count;
  struct {
    const void* held;
    const void* taken;
  } orders[kMostTold];
};

pthread_mutex_t locks[kLocks];

// Every second pair: the one thread's other ones are left for the other thread.
void work(Told& told, std::size_t first) {
  for (std::size_t distance = 1; distance < kLocks; ++distance)
    for (std::size_t i = (first + distance) % kThreads; i + distance < kLocks; i += kThreads) {
      pthread_mutex_t* const held = &locks[i];
      pthread_mutex_t* const taken = &locks[i + distance];
      pthread_mutex_lock(held);
      pthread_mutex_lock(taken);
      const std::uint64_t at = told.count.load(std::memory_order_relaxed);
      told.orders[at] = {held, taken};
      told.count.store(at + 1, std::memory_order_release);
      pthread_mutex_unlock(taken);
      pthread_mutex_unlock(held);
    }
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int file = open(argv[1], O_RDWR | O_CREAT, 0644);
  if (file < 0 || ftruncate(file, kThreads * sizeof(Told)) != 0) return 3;
  void* const memory = mmap(nullptr, kThreads * sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return 3;
  auto* const told = static_cast<Told*>(memory);
  for (pthread_mutex_t& lock : locks) pthread_mutex_init(&lock, nullptr);
  std::thread other([&] { work(told[1], 1); });
  work(told[0], 0);
  other.join();
  for (;;) pause();
}
