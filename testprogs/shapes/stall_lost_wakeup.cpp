// The notification comes before the wait, which does not look whether there is anything to wait for.
#include <condition_variable>
#include <mutex>
#include <thread>

std::mutex queue_lock;
std::condition_variable not_empty;

void producer() {
  std::lock_guard queue(queue_lock);
  not_empty.notify_one();
}

void consumer() {
  std::unique_lock queue(queue_lock);
  not_empty.wait(queue);
}

int main() {
  std::thread(producer).join();
  std::thread thread(consumer);
  thread.join();
}
