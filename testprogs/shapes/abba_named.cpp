// AB and BA over locks on the heap which the program names itself.
#include <faultline/annotate.h>

#include <memory>
#include <mutex>
#include <semaphore>
#include <thread>

struct Inode {
  std::mutex lock;
};

struct Superblock {
  std::mutex lock;
};

std::binary_semaphore first_done{0};

void write_inode(Inode& inode, Superblock& superblock) {
  {
    std::lock_guard i(inode.lock);
    std::lock_guard s(superblock.lock);
  }
  first_done.release();
}

void sync_all(Superblock& superblock, Inode& inode) {
  first_done.acquire();
  std::lock_guard s(superblock.lock);
  std::lock_guard i(inode.lock);
}

int main() {
  const auto inode = std::make_unique<Inode>();
  const auto superblock = std::make_unique<Superblock>();
  faultline::name_lock(inode->lock, "inode_lock");
  faultline::name_lock(superblock->lock, "superblock_lock");
  std::thread first([&] { write_inode(*inode, *superblock); });
  std::thread second([&] { sync_all(*superblock, *inode); });
  first.join();
  second.join();
}
