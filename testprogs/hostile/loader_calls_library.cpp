// The library of loader_calls: its RUNPATH leads to its plugin, which it opens by its bare name.
#include <dlfcn.h>

#include <cstdio>
#include <mutex>

namespace {

std::mutex lock;

const char* asked(const char* what, void* function) {
  const char* error = dlerror();
  if (error) std::printf("%s: %s\n", what, error);
  return function ? reinterpret_cast<const char* (*)()>(function)() : "nobody";
}

}  // namespace

extern "C" const char* who() {
  return "library";
}

extern "C" void look_around() {
  std::lock_guard held(lock);
  void* plugin = dlopen("libloader_calls_plugin.so", RTLD_NOW | RTLD_GLOBAL);
  std::printf("plugin by RUNPATH: %s\n", asked("plugin", plugin ? dlsym(plugin, "who") : nullptr));
  void* again = dlopen("$ORIGIN/loader_calls_private/libloader_calls_plugin.so", RTLD_NOW);
  std::printf("plugin by ORIGIN: %s\n", again == plugin ? "the same" : "another");
  std::printf("first of all: %s\n", asked("default", dlsym(RTLD_DEFAULT, "who")));
  std::printf("next after the library: %s\n", asked("next", dlsym(RTLD_NEXT, "who")));
  std::printf("close: %d", dlclose(again));
  std::printf(" %d\n", dlclose(plugin));
}
