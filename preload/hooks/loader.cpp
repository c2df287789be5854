// The dynamic loader: dlopen, dlmopen, dlclose, dlsym, dlvsym, dladdr, dl_iterate_phdr.
#include "fault/mmap_lock.h"
#include "hooks/hook.h"
#include "record/loader_calls.h"
#include "record/stacks.h"
#include "record/unwinder.h"

using namespace faultline;

// dlopen, dlmopen, dlsym and dlvsym ask who called them: for RUNPATH and $ORIGIN, for the namespace, for
// RTLD_NEXT. So they are jumped to, with arguments and stack as they were; what comes before is a function of
// the same arguments, the call point behind them, that returns where to jump.
#define FAULTLINE_JUMPING_HOOK(name)       \
  asm(".text\n"                            \
      ".globl " #name                      \
      "\n"                                 \
      ".type " #name ", @function\n" #name \
      ":\n"                                \
      ".cfi_startproc\n"                   \
      "pushq %rdi\n"                       \
      ".cfi_adjust_cfa_offset 8\n"         \
      "pushq %rsi\n"                       \
      ".cfi_adjust_cfa_offset 8\n"         \
      "pushq %rdx\n"                       \
      ".cfi_adjust_cfa_offset 8\n"         \
      "subq $16, %rsp\n"                   \
      ".cfi_adjust_cfa_offset 16\n"        \
      "movq 40(%rsp), %rcx\n"              \
      "leaq 48(%rsp), %r8\n"               \
      "call faultline_before_" #name       \
      "\n"                                 \
      "addq $16, %rsp\n"                   \
      ".cfi_adjust_cfa_offset -16\n"       \
      "popq %rdx\n"                        \
      ".cfi_adjust_cfa_offset -8\n"        \
      "popq %rsi\n"                        \
      ".cfi_adjust_cfa_offset -8\n"        \
      "popq %rdi\n"                        \
      ".cfi_adjust_cfa_offset -8\n"        \
      "jmpq *%rax\n"                       \
      ".cfi_endproc\n"                     \
      ".size " #name ", . - " #name "\n")

#define FAULTLINE_BEFORE_JUMP extern "C" __attribute__((visibility("hidden"), used))

namespace {

// Objects are added under the other lock; asking for one that is there, or for the program, adds none.
void load_begins(const char* file, int mode, CallPoint at) {
  if (file != nullptr && (mode & RTLD_NOLOAD) == 0)
    before_mapping_change(at, Mode::Exclusive, Happened::Perhaps);
  loader_call_begins(LoaderLock::Load, at, file != nullptr && (mode & RTLD_NOLOAD) == 0);
}

}  // namespace

FAULTLINE_BEFORE_JUMP const void* faultline_before_dlopen(const char* file, int mode, long,
                                                          std::uintptr_t return_address,
                                                          std::uintptr_t frame) {
  real::resolve_jumped();  // the call may come before our constructor
  load_begins(file, mode, {return_address, frame});
  return reinterpret_cast<const void*>(real::dlopen);
}
FAULTLINE_JUMPING_HOOK(dlopen);

FAULTLINE_BEFORE_JUMP const void* faultline_before_dlmopen(Lmid_t, const char* file, int mode,
                                                           std::uintptr_t return_address,
                                                           std::uintptr_t frame) {
  real::resolve_jumped();
  load_begins(file, mode, {return_address, frame});
  return reinterpret_cast<const void*>(real::dlmopen);
}
FAULTLINE_JUMPING_HOOK(dlmopen);

FAULTLINE_BEFORE_JUMP const void* faultline_before_dlsym(void*, const char*, long,
                                                         std::uintptr_t return_address,
                                                         std::uintptr_t frame) {
  real::resolve_jumped();
  loader_passes(LoaderLock::Load, {return_address, frame});
  return reinterpret_cast<const void*>(real::dlsym);
}
FAULTLINE_JUMPING_HOOK(dlsym);

FAULTLINE_BEFORE_JUMP const void* faultline_before_dlvsym(void*, const char*, const char*,
                                                          std::uintptr_t return_address,
                                                          std::uintptr_t frame) {
  real::resolve_jumped();
  loader_passes(LoaderLock::Load, {return_address, frame});
  return reinterpret_cast<const void*>(real::dlvsym);
}
FAULTLINE_JUMPING_HOOK(dlvsym);

FAULTLINE_EXPORT int dlclose(void* handle) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_mapping_change(at, Mode::Exclusive, Happened::Perhaps);
  loader_call_begins(LoaderLock::Load, at, true);
  const int result = real::dlclose(handle);
  loader_call_ended(LoaderLock::Load, at);
  // Other code may come to lie where some was.
  if (result == 0) forget_call_sites();
  return result;
}

FAULTLINE_EXPORT int dladdr(const void* address, Dl_info* info) noexcept {
  loader_passes(LoaderLock::Load, FAULTLINE_CALL_POINT);
  return real::dladdr(address, info);
}

FAULTLINE_EXPORT int dladdr1(const void* address, Dl_info* info, void** extra, int flags) noexcept {
  loader_passes(LoaderLock::Load, FAULTLINE_CALL_POINT);
  return real::dladdr1(address, info, extra, flags);
}

// A callback may throw through it: then the call is found to be over later.
FAULTLINE_EXPORT int dl_iterate_phdr(int (*callback)(dl_phdr_info*, std::size_t, void*), void* data) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (asked_by_unwinder(at)) return answer_phdr(callback, data);
  loader_call_begins(LoaderLock::Write, at, false);
  const int result = real::dl_iterate_phdr(callback, data);
  loader_call_ended(LoaderLock::Write, at);
  return result;
}
