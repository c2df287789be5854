// A library that locks in its constructors and destructors, loaded and unloaded again and again; its locks
// come back at the same addresses. The path of the library is the first argument.
#include <dlfcn.h>

#include <cstdio>
#include <mutex>
#include <thread>

std::mutex of_program;

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  for (int round = 0; round < 5; ++round) {
    std::lock_guard held(of_program);
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      std::printf("dlopen: %s\n", dlerror());
      return 1;
    }
    const auto work = reinterpret_cast<int (*)(int)>(dlsym(library, "locked_work"));
    int result = 0;
    std::thread worker([&] { result = work(round); });
    worker.join();
    std::printf("work %d, unload %d\n", result, dlclose(library));
  }
  std::printf("gone: %d\n", dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == nullptr);
}
