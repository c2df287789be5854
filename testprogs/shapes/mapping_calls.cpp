// Each call that changes the process's memory mappings, under a lock of its own that is named after it; then
// the calls that only look like it, likewise. With "free" every lock is released before its call; with
// "declared" the program has an mmap_lock of its own.
#include <dlfcn.h>
#include <faultline/annotate.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <list>
#include <mutex>
#include <thread>

namespace {

std::list<std::mutex> locks;  // one for each call
bool lock_is_free = false;
constexpr const char* kLibrary = "libresolv.so.2";  // nobody else needs it

template <class Call>
void call_under_lock(const char* name, Call call) {
  std::mutex& lock = locks.emplace_back();
  faultline::name_lock(lock, name);
  std::unique_lock held(lock);
  if (lock_is_free) held.unlock();
  call();
}

void* map(size_t pages) {
  return mmap(nullptr, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

}  // namespace

int main(int argc, char** argv) {
  lock_is_free = argc > 1 && std::strcmp(argv[1], "free") == 0;
  static pthread_rwlock_t own_mmap_lock = PTHREAD_RWLOCK_INITIALIZER;
  if (argc > 1 && std::strcmp(argv[1], "declared") == 0) faultline_mmap_lock_rwlock(&own_mmap_lock);

  void* memory = nullptr;
  call_under_lock("mmap", [&] { memory = map(4); });
  call_under_lock("mprotect", [&] { mprotect(memory, 4096, PROT_READ); });
  call_under_lock("pkey_mprotect", [&] { pkey_mprotect(memory, 4096, PROT_READ | PROT_WRITE, -1); });
  call_under_lock("mremap", [&] { memory = mremap(memory, 4 * 4096, 2 * 4096, 0); });
  call_under_lock("madvise", [&] { madvise(memory, 4096, MADV_SEQUENTIAL); });
  call_under_lock("madvise_dontneed", [&] { madvise(memory, 4096, MADV_DONTNEED); });
  call_under_lock("posix_madvise", [&] { posix_madvise(memory, 4096, POSIX_MADV_RANDOM); });
  call_under_lock("mlock", [&] { mlock(memory, 4096); });
  call_under_lock("mlock2", [&] { mlock2(memory, 4096, MLOCK_ONFAULT); });
  call_under_lock("munlock", [&] { munlock(memory, 4096); });
  call_under_lock("munlockall", [] { munlockall(); });
  call_under_lock("sbrk", [] { sbrk(4096); });
  call_under_lock("brk", [] { brk(sbrk(0)); });
  call_under_lock("munmap", [&] { munmap(memory, 2 * 4096); });
  call_under_lock("fork", [] {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, nullptr, 0);
  });
  std::thread started;
  call_under_lock("pthread_create", [&] { started = std::thread([] {}); });
  started.join();
  void* library = nullptr;
  call_under_lock("dlopen", [&] { library = dlopen(kLibrary, RTLD_NOW); });
  call_under_lock("dlclose", [&] { dlclose(library); });

  call_under_lock("sbrk_0", [] { sbrk(0); });
  call_under_lock("posix_madvise_dontneed", [&] { posix_madvise(&library, 0, POSIX_MADV_DONTNEED); });
  call_under_lock("dlopen_noload", [] { dlopen(kLibrary, RTLD_NOW | RTLD_NOLOAD); });
  std::printf("%s\n", library != nullptr ? "done" : dlerror());
}
