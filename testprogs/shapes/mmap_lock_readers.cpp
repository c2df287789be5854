// A program with an mmap_lock of its own, whose readers queue behind writers: one thread reads it and takes
// the page lock; another holds the page lock and faults, which reads it too. Both read, so they meet only
// where a third thread maps something, which is what it does with the argument "maps".
#include <faultline/annotate.h>

#include <cstdio>
#include <cstring>
#include <mutex>
#include <semaphore>

#include "uffd_pager.h"

pthread_rwlock_t mmap_lock;
std::mutex page_lock;
std::binary_semaphore walked{0};

void init_fair(pthread_rwlock_t* lock) {
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(lock, &attributes);
  pthread_rwlockattr_destroy(&attributes);
}

void fetch_page(char* page, size_t size) {
  std::memset(page, 'x', size);
}

[[gnu::noinline]] void walk_pages() {
  pthread_rwlock_rdlock(&mmap_lock);
  { std::lock_guard page(page_lock); }
  pthread_rwlock_unlock(&mmap_lock);
}

[[gnu::noinline]] char read_page(const char* memory) {
  std::lock_guard page(page_lock);
  return *static_cast<const volatile char*>(memory);
}

[[gnu::noinline]] void map_something() {
  pthread_rwlock_wrlock(&mmap_lock);
  pthread_rwlock_unlock(&mmap_lock);
}

int main(int argc, char** argv) {
  init_fair(&mmap_lock);
  faultline_mmap_lock_rwlock(&mmap_lock);
  const bool maps = argc > 1 && std::strcmp(argv[1], "maps") == 0;
  const Pager pager(1, false, fetch_page);
  if (!pager.ok()) {
    std::printf("skipped: userfaultfd: %s\n", pager.refused().c_str());
    return 77;
  }
  std::thread walker([] {
    walk_pages();
    walked.release();
  });
  std::thread reader([&] {
    walked.acquire();
    std::printf("read %c\n", read_page(pager.page(0)));
  });
  std::thread mapper([&] {
    if (maps) map_something();
  });
  walker.join();
  reader.join();
  mapper.join();
}
