// std::condition_variable_any gives its lock up and takes it again under another lock that is held all the
// while: outer -> inner hidden inside the wait, inner -> outer elsewhere. With "inner" only the inner lock is
// held while waiting.
#include <condition_variable>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>

std::mutex outer_lock;
std::shared_mutex inner_lock;
std::condition_variable_any changed;
bool ready = false;
std::binary_semaphore about_to_wait{0};

[[gnu::noinline]] void wait_for_it() {
  std::unique_lock inner(inner_lock);
  about_to_wait.release();
  while (!ready) changed.wait(inner);
}

void waiter(bool hold_outer) {
  std::unique_lock outer(outer_lock, std::defer_lock);
  if (hold_outer) outer.lock();
  wait_for_it();
}

[[gnu::noinline]] void notify() {
  about_to_wait.acquire();
  {
    std::unique_lock inner(inner_lock);
    ready = true;
  }
  changed.notify_all();
}

[[gnu::noinline]] void use_both() {
  std::unique_lock inner(inner_lock);
  std::lock_guard outer(outer_lock);
}

int main(int count, char**) {
  std::binary_semaphore waiter_done{0};
  std::thread user([&] {
    waiter_done.acquire();
    use_both();
  });
  std::thread first([&] {
    waiter(count == 1);
    waiter_done.release();
  });
  std::thread second(notify);
  first.join();
  second.join();
  user.join();
}
