// A directory's lock, then that of the directory in it: two locks of one class, in an order that the tree
// keeps. With an argument, the inner one is not said to be nested.
#include <faultline/annotate.h>

#include <memory>
#include <mutex>

struct Directory {
  Directory() { faultline::name_lock(lock, "dir_lock"); }
  std::mutex lock;
};

void create_in(Directory& parent, Directory& child, bool say_so) {
  std::lock_guard outer(parent.lock);
  if (say_so) faultline_nested(1);
  std::lock_guard inner(child.lock);
}

int main(int argc, char**) {
  const auto root = std::make_unique<Directory>();
  const auto home = std::make_unique<Directory>();
  create_in(*root, *home, argc == 1);
}
