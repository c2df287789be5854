// Calls that may be left by unwinding - an exception, cancellation, pthread_exit - while their lock is on the
// held stack, which it then must leave, or their wait is published, which then is none.
//
// A destructor or cleanup attribute would need libgcc's personality routine, and a shim that needs libgcc_s
// decides which unwinder the program gets. So the call is made from a few instructions that have a
// personality routine of their own: it does the cleaning up and lets the unwinder go on. Costs nothing where
// nothing is thrown.
#pragma once

#include "record/waits.h"
#include "wait/wait.h"

namespace faultline {

// _Unwind_Action and _Unwind_Reason_Code of the Itanium C++ ABI.
inline constexpr int kUnwindCleanupPhase = 2;
inline constexpr int kUnwindGoOn = 8;

// Defines `name`, which calls its first argument, a function of up to three words that returns an int, with
// the others; when the call is unwound, `clean_up` is done: an expression.
#define FAULTLINE_UNWOUND_CALL(name, clean_up)                                                           \
  extern "C" __attribute__((visibility("hidden"), used)) int name##_unwound(int, int actions) noexcept { \
    if ((actions & ::faultline::kUnwindCleanupPhase) != 0) clean_up;                                     \
    return ::faultline::kUnwindGoOn;                                                                     \
  }                                                                                                      \
  asm(".text\n"                                                                                          \
      ".type " #name "_instructions, @function\n" #name                                                  \
      "_instructions:\n"                                                                                 \
      ".cfi_startproc\n"                                                                                 \
      ".cfi_personality 0x1b, " #name                                                                    \
      "_unwound\n"                                                                                       \
      "subq $8, %rsp\n"                                                                                  \
      ".cfi_adjust_cfa_offset 8\n"                                                                       \
      "movq %rdi, %rax\n"                                                                                \
      "movq %rsi, %rdi\n"                                                                                \
      "movq %rdx, %rsi\n"                                                                                \
      "movq %rcx, %rdx\n"                                                                                \
      "call *%rax\n"                                                                                     \
      "addq $8, %rsp\n"                                                                                  \
      ".cfi_adjust_cfa_offset -8\n"                                                                      \
      "ret\n"                                                                                            \
      ".cfi_endproc\n"                                                                                   \
      ".size " #name "_instructions, . - " #name "_instructions\n");                                     \
  extern "C" __attribute__((visibility("hidden"))) void name##_instructions();                           \
  template <class Function, class... Arguments>                                                          \
  int name(Function function, Arguments... arguments) {                                                  \
    static_assert(sizeof...(Arguments) <= 3);                                                            \
    using Call = int (*)(Function, Arguments...);                                                        \
    return reinterpret_cast<Call>(name##_instructions)(function, arguments...);                          \
  }

}  // namespace faultline
