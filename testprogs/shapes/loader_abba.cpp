// A plugin's constructor takes the registry's lock, inside dlopen; another thread looks a symbol up with that
// lock held. First argument "early": it looks it up before it takes the lock. "after": it holds another lock,
// which the first thread takes once dlopen has returned.
#include <dlfcn.h>

#include <cstring>
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex registry_lock;
std::mutex other_lock;
std::binary_semaphore loaded{0};
void* plugin = nullptr;

extern "C" void register_plugin() {
  std::lock_guard registry(registry_lock);
}

void load() {
  plugin = dlopen(PLUGIN, RTLD_NOW);
  std::lock_guard other(other_lock);
  loaded.release();
}

void look_up(std::mutex& lock) {
  loaded.acquire();
  std::lock_guard held(lock);
  dlsym(plugin, "plugin_entry");
}

void look_up_early() {
  loaded.acquire();
  dlsym(plugin, "plugin_entry");
  std::lock_guard registry(registry_lock);
}

int main(int argc, char** argv) {
  const char* how = argc > 1 ? argv[1] : "";
  std::thread loading(load);
  std::thread looking(std::strcmp(how, "early") == 0   ? std::thread(look_up_early)
                      : std::strcmp(how, "after") == 0 ? std::thread(look_up, std::ref(other_lock))
                                                       : std::thread(look_up, std::ref(registry_lock)));
  loading.join();
  looking.join();
  return plugin == nullptr;
}
