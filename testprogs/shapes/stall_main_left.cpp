// The main thread leaves by pthread_exit; the last one waits for work that nobody is left to bring.
#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <thread>

std::mutex queue_lock;
std::condition_variable not_empty;

void consumer() {
  std::unique_lock queue(queue_lock);
  not_empty.wait(queue, [] { return false; });
}

int main() {
  std::thread(consumer).detach();
  pthread_exit(nullptr);
}
