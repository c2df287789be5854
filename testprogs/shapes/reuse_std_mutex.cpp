// Addresses of std::mutex that come back as locks of other objects, on the heap and on the stack. The order
// is always account before journal; by address alone it looks like AB and BA, as the two objects have changed
// places.
#include <cstdio>
#include <functional>
#include <mutex>
#include <semaphore>
#include <thread>
#include <variant>

struct Account {
  std::mutex lock;
  long balance = 0;
};

struct Journal {
  std::mutex lock;
  long entries = 0;
};

[[gnu::noinline]] void append(Journal& journal) {
  std::lock_guard held(journal.lock);
  ++journal.entries;
}

[[gnu::noinline]] void deposit(Account& account, Journal& journal) {
  std::lock_guard held(account.lock);
  ++account.balance;
  append(journal);
}

// A thread that runs what it is given, so that both orders belong to threads alive at once.
class Worker {
 public:
  void run(std::function<void()> job) {
    job_ = std::move(job);
    go_.release();
    done_.acquire();
  }
  ~Worker() {
    run({});
    thread_.join();
  }

 private:
  void loop() {
    for (;;) {
      go_.acquire();
      const bool more = static_cast<bool>(job_);
      if (more) job_();
      done_.release();
      if (!more) return;
    }
  }
  std::function<void()> job_;
  std::binary_semaphore go_{0};
  std::binary_semaphore done_{0};
  std::thread thread_{&Worker::loop, this};
};

bool on_the_heap(Worker& first, Worker& second) {
  auto* account = new Account;
  auto* journal = new Journal;
  const void* account_was_at = account;
  const void* journal_was_at = journal;
  first.run([&] { deposit(*account, *journal); });
  delete account;
  delete journal;
  // The allocator hands out the block freed last first.
  account = new Account;
  journal = new Journal;
  const bool changed_places = account == journal_was_at && journal == account_was_at;
  second.run([&] { deposit(*account, *journal); });
  delete account;
  delete journal;
  return changed_places;
}

void on_the_stack(Worker& first, Worker& second) {
  std::variant<std::monostate, Account, Journal> left, right;
  first.run([&] { deposit(left.emplace<Account>(), right.emplace<Journal>()); });
  second.run([&] { deposit(right.emplace<Account>(), left.emplace<Journal>()); });
}

int main() {
  Worker first, second;
  std::printf("heap objects changed places: %s\n", on_the_heap(first, second) ? "yes" : "no");
  on_the_stack(first, second);
}
