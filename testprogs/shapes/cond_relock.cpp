// A wait on a condition lets its mutex go and takes it again while another lock is held: state -> queue
// elsewhere, queue -> state hidden inside the wait.
#include <condition_variable>
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex state_lock;
std::mutex queue_lock;
std::condition_variable changed;
bool ready = false;
std::binary_semaphore submitted{0};
// Released with state_lock held: who then gets state_lock gets it from the wait.
std::binary_semaphore about_to_wait{0};

void submitter() {
  {
    std::lock_guard state(state_lock);
    std::lock_guard queue(queue_lock);
  }
  submitted.release();
}

void waiter() {
  submitted.acquire();
  std::unique_lock state(state_lock);
  std::lock_guard queue(queue_lock);
  about_to_wait.release();
  while (!ready) changed.wait(state);
}

void notifier() {
  about_to_wait.acquire();
  std::lock_guard state(state_lock);
  ready = true;
  changed.notify_all();
}

int main() {
  std::thread first(submitter);
  std::thread second(waiter);
  std::thread third(notifier);
  first.join();
  second.join();
  third.join();
}
