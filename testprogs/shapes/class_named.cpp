// A transfer between two accounts and one back: AB and BA over locks of one class, which one of the accounts
// names for all of them.
#include <faultline/annotate.h>
#include <pthread.h>

#include <memory>
#include <semaphore>
#include <thread>

struct Account {
  Account() { pthread_mutex_init(&lock, nullptr); }
  ~Account() { pthread_mutex_destroy(&lock); }
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;
  pthread_mutex_t lock;
};

std::binary_semaphore first_done{0};

void transfer(Account& from, Account& to) {
  pthread_mutex_lock(&from.lock);
  pthread_mutex_lock(&to.lock);
  pthread_mutex_unlock(&to.lock);
  pthread_mutex_unlock(&from.lock);
}

int main(int argc, char**) {
  const auto accounts = std::make_unique<Account[]>(3);
  if (argc == 1) faultline_name_class(&accounts[2].lock, FAULTLINE_MUTEX, "account");
  std::thread first([&] {
    transfer(accounts[0], accounts[1]);
    first_done.release();
  });
  std::thread second([&] {
    first_done.acquire();
    transfer(accounts[1], accounts[0]);
    transfer(accounts[1], accounts[2]);
  });
  first.join();
  second.join();
}
