// Walks over the loaded objects before, during and after a library is there, stops a walk from its callback,
// throws through one, and locks in one. The path of the library is the first argument.
#include <dlfcn.h>
#include <link.h>

#include <cstdio>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;

int find_plugin(dl_phdr_info* info, size_t size, void* found) {
  if (size < sizeof(dl_phdr_info)) return -1;
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
  if (std::strstr(info->dlpi_name, "loaded_library_plugin")) *static_cast<int*>(found) += 1;
  return 0;
}

void count(const char* when) {
  int found = 0;
  const int result = dl_iterate_phdr(find_plugin, &found);
  std::printf("%s: %d, found %d\n", when, result, found);
}

int stop_at_first(dl_phdr_info* info, size_t, void* name_length) {
  *static_cast<size_t*>(name_length) = std::strlen(info->dlpi_name);
  return 4711;
}

int throw_from_walk(dl_phdr_info*, size_t, void*) {
  throw std::runtime_error("thrown in a walk");
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  count("before");
  void* library = dlopen(argv[1], RTLD_NOW);
  if (!library) return 1;
  count("loaded");
  std::thread(count, "in a thread").join();
  std::printf("close %d\n", dlclose(library));
  count("closed");
  size_t name_length = 99;
  const int stopped = dl_iterate_phdr(stop_at_first, &name_length);
  std::printf("stopped: %d, name of the first has %zu characters\n", stopped, name_length);
  try {
    dl_iterate_phdr(throw_from_walk, nullptr);
  } catch (const std::runtime_error& error) {
    std::printf("%s\n", error.what());
  }
  count("after");
}
