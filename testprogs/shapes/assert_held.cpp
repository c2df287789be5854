// A function that says which lock its caller must hold. Argument: how it is called: "unlocked", "exclusive"
// (all is well), "shared" (the lock is only read, where it must be written), "reader" (read, where that is
// enough), "forbidden" (held where it must not be), "released" (given up before), "other" (another lock of the
// same class is held), "rwlock" (written).
#include <faultline/annotate.h>

#include <mutex>
#include <shared_mutex>
#include <string>

struct Inode {
  std::mutex lock;
  std::shared_mutex data_lock;
  int size = 0;
};

Inode inodes[2];

[[gnu::noinline]] void change_size(Inode& inode) {
  faultline_assert_held(&inode.lock, FAULTLINE_EXCLUSIVE);
  ++inode.size;
}

[[gnu::noinline]] void change_data(Inode& inode) {
  faultline_assert_held(&inode.data_lock, FAULTLINE_EXCLUSIVE);
  ++inode.size;
}

[[gnu::noinline]] int look_at_data(Inode& inode) {
  faultline_assert_held(&inode.data_lock, FAULTLINE_SHARED);
  return inode.size;
}

[[gnu::noinline]] void sleep_for_io(Inode& inode) {
  faultline_assert_not_held(&inode.lock);
}

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "unlocked";
  faultline::name_lock(inodes[0].lock, "inode_lock");
  faultline::name_lock(inodes[1].lock, "inode_lock");
  faultline::name_lock(inodes[0].data_lock, "data_lock");
  Inode& inode = inodes[0];
  if (how == "unlocked") {
    change_size(inode);
  } else if (how == "exclusive") {
    std::lock_guard hold(inode.lock);
    change_size(inode);
  } else if (how == "other") {
    std::lock_guard hold(inodes[1].lock);
    change_size(inode);
  } else if (how == "shared") {
    std::shared_lock hold(inode.data_lock);
    change_data(inode);
  } else if (how == "rwlock") {
    std::lock_guard hold(inode.data_lock);
    change_data(inode);
    look_at_data(inode);
  } else if (how == "reader") {
    std::shared_lock hold(inode.data_lock);
    look_at_data(inode);
  } else if (how == "forbidden") {
    std::lock_guard hold(inode.lock);
    sleep_for_io(inode);
  } else if (how == "released") {
    { std::lock_guard hold(inode.lock); }
    sleep_for_io(inode);
  }
}
