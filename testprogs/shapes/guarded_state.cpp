// Two threads use one piece of state, one after the other. Argument, what they do: "unguarded" (one writes
// without the lock that the other reads it under), "guarded", "readers" (both only read, unlocked), "handed_on"
// (the first initialises, only the second uses it from then on), "joined" (the second begins when the first is
// joined), "racy" (the unlocked reader looks again under the lock), "shared" (both hold the same lock, to
// read), "writer" (one reads under a read lock, the other writes under the write lock), "two_locks" (each has
// its own lock), "reborn" (another object at the same address), "many" (unguarded, on 300 objects), "try" (the
// lock is taken by trylock).
#include <faultline/annotate.h>

#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <string>
#include <thread>

struct Inode {
  std::mutex lock;
  std::mutex other_lock;
  std::shared_mutex data_lock;
  int flags = 0;
};

Inode inodes[300];
std::binary_semaphore first_turn{0};
std::binary_semaphore second_turn{0};

void set_flags(Inode& inode) {
  faultline_state_write(&inode.flags, "inline_state");
  ++inode.flags;
}

int get_flags(const Inode& inode) {
  faultline_state_read(&inode.flags, "inline_state");
  return inode.flags;
}

[[gnu::noinline]] void page_mkwrite(Inode& inode, const std::string& how) {
  std::unique_lock lock(inode.lock, std::defer_lock);
  std::unique_lock other(inode.other_lock, std::defer_lock);
  std::unique_lock data(inode.data_lock, std::defer_lock);
  std::shared_lock reading(inode.data_lock, std::defer_lock);
  if (how == "guarded" || how == "racy") lock.lock();
  if (how == "try" && !lock.try_lock()) return;
  if (how == "two_locks") other.lock();
  if (how == "writer") data.lock();
  if (how == "shared") reading.lock();
  if (how == "readers") {
    get_flags(inode);
  } else {
    set_flags(inode);
  }
}

[[gnu::noinline]] int write_begin(Inode& inode, const std::string& how) {
  std::unique_lock lock(inode.lock, std::defer_lock);
  std::shared_lock data(inode.data_lock, std::defer_lock);
  if (how == "writer" || how == "shared") {
    data.lock();
  } else if (how == "racy") {
    faultline_state_racy_read(&inode.flags, "inline_state");
    if (inode.flags == 0) return 0;
    lock.lock();
  } else if (how != "readers" && how != "joined") {
    lock.lock();
  }
  return get_flags(inode);
}

void first_thread(const std::string& how, int count) {
  for (int turn = 0; turn < 2; ++turn) {
    for (int i = 0; i < count; ++i) write_begin(inodes[i], how);
    second_turn.release();
    first_turn.acquire();
    if (how == "handed_on") break;
    if (how == "reborn") faultline_state_created(&inodes[0].flags);
  }
  second_turn.release();
}

void second_thread(const std::string& how, int count) {
  for (int turn = 0; turn < 2; ++turn) {
    second_turn.acquire();
    if (how == "reborn") faultline_state_created(&inodes[0].flags);
    for (int i = 0; i < count; ++i) page_mkwrite(inodes[i], how);
    first_turn.release();
  }
}

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "unguarded";
  const int count = how == "many" ? 300 : 1;
  if (how == "joined") {
    std::thread(write_begin, std::ref(inodes[0]), how).join();
    std::thread(page_mkwrite, std::ref(inodes[0]), how).join();
    std::thread(write_begin, std::ref(inodes[0]), how).join();
    return 0;
  }
  for (Inode& inode : inodes) {
    faultline::name_lock(inode.lock, "inode_lock");
    faultline::name_lock(inode.data_lock, "data_lock");
  }
  std::thread first(first_thread, how, count);
  std::thread second(second_thread, how, count);
  first.join();
  second.join();
}
