// The floor: a preload that stands in front of the same functions as libfaultline.so and does nothing but
// jump to the real ones.
//
// What a program pays under it is the price of interposition itself (the jump through one more table, and
// compilers and libraries that no longer bind directly); what it pays above it is the price of watching. The
// table is the shim's own, so neither can gain a function alone. It stands in front of dlsym too, so it finds
// the real functions as the shim does, without it.
#include "sys/next_definition.h"

#if !defined(__x86_64__)
#error "empty_preload.cpp knows x86-64 only"
#endif

#define FUNCTION(name, version)                                                                       \
  extern "C" __attribute__((visibility("hidden"))) void* empty_real_##name;                           \
  __attribute__((used)) void* empty_real_##name;                                                      \
  asm(".globl " #name "\n.type " #name ", @function\n" #name ":\n  endbr64\n  jmp *empty_real_" #name \
      "(%rip)\n.size " #name ", . - " #name);
#define LATER(name) FUNCTION(name, nullptr)
#define ALIAS(alias, name) asm(".globl " #alias "\n.type " #alias ", @function\n.set " #alias ", " #name);
#include "functions.def"

namespace {

// Linked with -z initfirst: no other constructor, which may lock, runs before this one.
__attribute__((constructor)) void resolve() {
#define FUNCTION(name, version) empty_real_##name = faultline::sys::next_definition(#name).address;
#define LATER(name) FUNCTION(name, nullptr)
#include "functions.def"
}

}  // namespace
