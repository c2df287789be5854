/*
 * The floor: a preload that stands in front of the same functions as libfaultline.so and does nothing but
 * jump to the real ones.
 *
 * What a program pays under it is the price of interposition itself (the jump through one more table, and
 * compilers and libraries that no longer bind directly); what it pays above it is the price of watching. The
 * table is the shim's own, so neither can gain a function alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

#define nullptr NULL /* the table's word; C, as a C++ library would pull its runtime into every program */

#if !defined(__x86_64__)
#error "empty_preload.c knows x86-64 only"
#endif

#define FUNCTION(name, version)                                                                           \
  __attribute__((visibility("hidden"), used)) void* empty_real_##name;                                    \
  __asm__(".globl " #name "\n.type " #name ", @function\n" #name ":\n  endbr64\n  jmp *empty_real_" #name \
          "(%rip)\n.size " #name ", . - " #name);
#define ALIAS(alias, name) __asm__(".globl " #alias "\n.type " #alias ", @function\n.set " #alias ", " #name);
#include "functions.def"

static void* next(const char* name, const char* version) {
  void* found = version != NULL ? dlvsym(RTLD_NEXT, name, version) : NULL;
  return found != NULL ? found : dlsym(RTLD_NEXT, name);
}

/* Linked with -z initfirst: no other constructor, which may lock, runs before this one. */
__attribute__((constructor)) static void resolve(void) {
#define FUNCTION(name, version) empty_real_##name = next(#name, version);
#include "functions.def"
}
