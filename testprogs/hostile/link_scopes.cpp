// Libraries that do not find a preload's functions: opened with RTLD_DEEPBIND, where their own libraries come
// first, and by dlmopen into a name space with a libc of its own. Their locks work, and the program's go on.
// The path of the library is the first argument.
#include <dlfcn.h>

#include <cstdio>
#include <mutex>
#include <thread>

std::mutex of_program;

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto use = [](const char* how, void* library) {
    if (!library) {
      std::printf("%s: %s\n", how, dlerror());
      return;
    }
    const auto work = reinterpret_cast<int (*)(int)>(dlsym(library, "locked_work"));
    const std::lock_guard held(of_program);
    const int here = work(3);
    int in_thread = 0;
    // A thread of this libc is no thread of another name space's libc: it only locks there.
    std::thread worker([&] { in_thread = work(4); });
    worker.join();
    std::printf("%s: %d and %d, unload %d\n", how, here, in_thread, dlclose(library));
    std::fflush(stdout);
  };
  use("deep binding", dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND));
  use("deep binding, lazy", dlopen(argv[1], RTLD_LAZY | RTLD_GLOBAL | RTLD_DEEPBIND));
  use("name space of its own", dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW | RTLD_LOCAL));
  use("as usual", dlopen(argv[1], RTLD_NOW | RTLD_LOCAL));
}
