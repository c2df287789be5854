// What the loader does depends on who asks: libraries found by the caller's RUNPATH and $ORIGIN, the next
// definition after the caller, the caller's namespace; and what it says when it fails. The path of the
// library is the first argument.
#include <dlfcn.h>

#include <cstdio>
#include <mutex>
#include <thread>

std::mutex lock;

extern "C" const char* who() {
  return "program";
}

void show(const char* what, const void* found) {
  const char* error = dlerror();
  std::printf("%s: %s, %s\n", what, found ? "found" : "nothing", error ? error : "no error");
}

void ask_wrongly() {
  show("missing file", dlopen("libfaultline-has-no-such-library.so", RTLD_NOW));
  show("the plugin, by the program", dlopen("libloader_calls_plugin.so", RTLD_NOW));
  show("missing symbol", dlsym(RTLD_DEFAULT, "faultline_has_no_such_symbol"));
  show("missing version", dlvsym(RTLD_DEFAULT, "puts", "GLIBC_9.9"));
  show("bad mode", dlopen(nullptr, 0));
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::lock_guard held(lock);
  show("not yet loaded", dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD));
  void* library = dlopen(argv[1], RTLD_NOW);
  show("library", library);
  if (!library) return 1;
  reinterpret_cast<void (*)()>(dlsym(library, "look_around"))();
  show("loaded", dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD));
  show("version", dlvsym(RTLD_DEFAULT, "pthread_cond_wait", "GLIBC_2.3.2"));
  show("program", dlopen(nullptr, RTLD_NOW));
  std::printf("next after the program: %s\n",
              reinterpret_cast<const char* (*)()>(dlsym(RTLD_NEXT, "who")) ? "another" : "none");
  void* other = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_NOW);
  show("in a namespace of its own", other);
  if (other) std::printf("close: %d\n", dlclose(other));
  ask_wrongly();
  std::thread(ask_wrongly).join();
  Dl_info info;
  std::printf("dladdr: %d %s\n", dladdr(reinterpret_cast<const void*>(who), &info), info.dli_sname);
  std::printf("dladdr of nothing: %d\n", dladdr(nullptr, &info));
  std::printf("close: %d %d\n", dlclose(library), dlclose(library));
}
