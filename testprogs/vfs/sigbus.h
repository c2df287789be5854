// SIGBUS in the model: a fault that is served where it happened, or a touch of mapped memory that cannot be
// served (no space, I/O error, past the end of the file).
//
// A program under a kernel gets the second kind only. It is made an outcome here: user_copy and user_touch
// tell that a touch failed, instead of ending the process. A SIGBUS anywhere else ends it, as ever.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tvfs {

// What a touch was, as far as the processor tells.
struct Trap {
  std::uintptr_t address;
  bool store;
  bool present;  // it was mapped, but not for this
};

// Serves a trap in the thread that took it, with all it holds. Returns whether the touch is to be tried
// again.
using TrapServer = bool (*)(void* self, const Trap& trap);

// Takes SIGBUS for the process, from now on; what follows needs that. One server at a time; null: nobody
// serves. While no other thread touches mapped memory. Throws Skipped on a processor whose trap frame is not
// known here.
void set_trap_server(TrapServer server, void* self);

// memcpy, where either side may be mapped memory of the program. False: a touch ended in SIGBUS, and how much
// was copied before is not known.
[[nodiscard]] bool user_copy(void* to, const void* from, std::size_t n);

// Loads one byte, or stores it as it is (no other thread's store is lost). False: SIGBUS.
[[nodiscard]] bool user_touch(const void* address, bool store);

}  // namespace tvfs
