#include "cases.h"

#include <dlfcn.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace cases {
namespace {

void record_one_dependency() {
  static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER;
  static pthread_mutex_t inner = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&outer);
  pthread_mutex_lock(&inner);
  pthread_mutex_unlock(&inner);
  pthread_mutex_unlock(&outer);
}

}  // namespace

double now() {
  struct timespec t = {};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

void park_a_thread() {
  pthread_t thread;
  const auto sleep_for_ever = [](void*) -> void* {
    for (;;) pause();
  };
  pthread_create(&thread, nullptr, sleep_for_ever, nullptr);
}

int main_of(std::span<const Case> all, int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const Case& c : all)
      std::printf("%s\t%d\t%g\t%s\t%s\n", c.name, c.processors, c.goal,
                  c.peers == Peers::All ? "all" : "none", c.what);
    return 0;
  }
  for (const Case& c : all) {
    if (argc != 2 || std::strcmp(argv[1], c.name) != 0) continue;
    record_one_dependency();
    const double nanoseconds = c.run();
    Dl_info object = {};
    dladdr(dlsym(RTLD_DEFAULT, "pthread_mutex_lock"), &object);
    std::printf("%.3f %s\n", nanoseconds, object.dli_fname);
    return 0;
  }
  std::fprintf(stderr, "usage: %s --list | %s CASE\n", argv[0], argv[0]);
  return 2;
}

}  // namespace cases
