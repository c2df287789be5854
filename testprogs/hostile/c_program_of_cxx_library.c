/* A C program, started without a C++ runtime, that loads a library which brings its own along, out of reach
   of the rest of the process. What dlerror says is the program's own business. */
#include <dlfcn.h>
#include <stdio.h>

int main(int count, char** arguments) {
  (void)count;
  printf("an error before any call: %d\n", dlerror() != NULL);
  void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    printf("cannot be loaded\n");
    return 1;
  }
  void (*use)(void);
  *(void**)&use = dlsym(library, "use_library");
  printf("an error after a call that succeeded: %d\n", dlerror() != NULL);
  use();
  printf("closed: %d\n", dlclose(library));
  return 0;
}
