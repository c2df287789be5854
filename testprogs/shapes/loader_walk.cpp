// A callback of dl_iterate_phdr takes a lock; another thread loads a library with that lock held. With an
// argument it throws instead, and finds the library already loaded: neither needs the lock that
// dl_iterate_phdr holds.
#include <dlfcn.h>
#include <link.h>

#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <thread>

std::mutex cache_lock;
std::binary_semaphore walked{0};

extern "C" void register_plugin() {}

int add_to_cache(dl_phdr_info*, size_t, void*) {
  std::lock_guard cache(cache_lock);
  return 1;
}

void walk() {
  dl_iterate_phdr(add_to_cache, nullptr);
  walked.release();
}

void load() {
  walked.acquire();
  std::lock_guard cache(cache_lock);
  dlopen(PLUGIN, RTLD_NOW);
}

void throw_and_find() {
  walked.acquire();
  std::lock_guard cache(cache_lock);
  try {
    throw std::runtime_error("thrown with the lock held");
  } catch (const std::runtime_error&) {
    dlopen(PLUGIN, RTLD_NOW | RTLD_NOLOAD);
  }
}

int main(int argc, char**) {
  std::thread first(walk);
  std::thread second(argc == 1 ? load : throw_and_find);
  first.join();
  second.join();
}
