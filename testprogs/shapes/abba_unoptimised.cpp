// AB in one function and BA in another, by std::unique_lock and without optimisation: the standard library's
// frames, which then lie between the functions and the locks, are the same for both, address and size. Which
// function comes first is the argument's choice.
#include <memory>
#include <mutex>
#include <semaphore>
#include <string_view>
#include <thread>

struct Account {
  std::mutex lock;
};
struct Journal {
  std::mutex lock;
};

std::binary_semaphore first_done{0};

void pay(Account& account, Journal& journal) {
  std::unique_lock a(account.lock);
  std::unique_lock j(journal.lock);
}

void audit(Account& account, Journal& journal) {
  std::unique_lock j(journal.lock);
  std::unique_lock a(account.lock);
}

void work(Account& account, Journal& journal, bool audit_first) {
  if (audit_first) audit(account, journal);
  pay(account, journal);
  if (!audit_first) audit(account, journal);
}

int main(int argc, char** argv) {
  const bool audit_first = argc > 1 && std::string_view(argv[1]) == "audit-first";
  const auto account = std::make_unique<Account>();
  const auto journal = std::make_unique<Journal>();
  std::thread first([&] {
    work(*account, *journal, audit_first);
    first_done.release();
  });
  std::thread second([&] {
    first_done.acquire();
    work(*account, *journal, audit_first);
  });
  first.join();
  second.join();
}
