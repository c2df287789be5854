// Loads a plugin, lets it take two locks in a thread, unloads it, and loads another one, which comes to lie
// at the same addresses and takes them the other way round. The paths of the plugins are the arguments; after
// "in-main" the first thread does it all itself.
#include <dlfcn.h>
#include <pthread.h>

#include <cstdio>
#include <cstring>
#include <thread>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;

using Work = void (*)(pthread_mutex_t*, pthread_mutex_t*);

[[gnu::noinline]] void use_plugin(Work work, bool ascending) {
  work(ascending ? &lock_a : &lock_b, ascending ? &lock_b : &lock_a);
  asm volatile("");  // keeps this function on the stack
}

int main(int argc, char** argv) {
  void* place = nullptr;
  const bool in_main = argc > 1 && std::strcmp(argv[1], "in-main") == 0;
  const int first = in_main ? 2 : 1;
  for (int i = first; i < argc; ++i) {
    void* const library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) return 1;
    const auto work = reinterpret_cast<Work>(dlsym(library, "locked_work"));
    if (place != nullptr && place != reinterpret_cast<void*>(work)) {
      std::puts("skipped: the second plugin was not loaded where the first one was");
      return 77;
    }
    place = reinterpret_cast<void*>(work);
    if (in_main)
      use_plugin(work, i == first);
    else
      std::thread(use_plugin, work, i == first).join();
    std::printf("unload %d\n", dlclose(library));
  }
}
