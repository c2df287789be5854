// The plugin of loader_calls_library, in a folder that only the library's RUNPATH names.
#include <cstdio>
#include <mutex>

namespace {
std::mutex lock;
struct Lifetime {
  Lifetime() {
    std::lock_guard held(lock);
    std::puts("plugin constructed");
  }
  ~Lifetime() {
    std::lock_guard held(lock);
    std::puts("plugin destroyed");
  }
} lifetime;
}  // namespace

extern "C" const char* who() {
  return "plugin";
}
