// What every hook file starts with. A hook is a plain function of libc's name: guard, before, the real
// function, after; no rule lives here.
//
// Hooks must not be inlined into each other, keep errno and results as the real function left them, and take
// their call point themselves.
#pragma once

#include "real.h"
#include "record/acquisition.h"
#include "wait/wait.h"

// What pthread_cleanup_push calls exists in glibc only. Elsewhere the shim is loaded all the same, as a child
// inherits it, but never recording: a hook uses a cleanup handler only after it has asked.
#pragma weak __pthread_register_cancel
#pragma weak __pthread_unregister_cancel

#define FAULTLINE_EXPORT extern "C" __attribute__((visibility("default")))
// An old name of a hook, for binaries that are bound to it.
#define FAULTLINE_ALIAS(alias_name, name) \
  extern "C" decltype(name) alias_name __attribute__((visibility("default"), alias(#name), copy(name)))
