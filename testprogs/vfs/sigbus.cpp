#include "sigbus.h"

#include <ucontext.h>

#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstring>

#include "panic.h"

namespace tvfs {
namespace {

TrapServer trap_server = nullptr;
void* trap_server_self = nullptr;

// Where the thread goes on after a touch that could not be served; null outside of such a touch. Volatile:
// the handler looks at any time.
thread_local sigjmp_buf* volatile failed_touch = nullptr;

Trap trap_of(const siginfo_t& info, [[maybe_unused]] const void* context) {
  Trap trap{.address = reinterpret_cast<std::uintptr_t>(info.si_addr), .store = false, .present = false};
#ifdef __x86_64__
  // The error code of a page fault: bit 0, the page was present; bit 1, it was a store.
  const auto error = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR];
  trap.present = (error & 1) != 0;
  trap.store = (error & 2) != 0;
#endif
  return trap;
}

void on_sigbus(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  const bool again = trap_server != nullptr && trap_server(trap_server_self, trap_of(*info, context));
  errno = saved_errno;
  if (again) return;
  if (failed_touch != nullptr) siglongjmp(*failed_touch, 1);
  ::signal(signal, SIG_DFL);  // the instruction is executed again, and the process ends by it
}

}  // namespace

void set_trap_server(TrapServer server, void* self) {
#ifndef __x86_64__
  if (server != nullptr)
    throw Skipped{"whether a SIGBUS was a load or a store is not known on this processor"};
#endif
  trap_server_self = self;
  trap_server = server;
  struct sigaction action = {};
  action.sa_sigaction = on_sigbus;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;  // the fault path may touch what is truncated
  if (::sigaction(SIGBUS, &action, nullptr) != 0) panic("sigaction", errno);
}

bool user_copy(void* to, const void* from, std::size_t n) {
  sigjmp_buf here;
  sigjmp_buf* const outer = failed_touch;
  if (sigsetjmp(here, 1) != 0) {
    failed_touch = outer;
    return false;
  }
  failed_touch = &here;
  std::memcpy(to, from, n);
  failed_touch = outer;
  return true;
}

bool user_touch(const void* address, bool store) {
  sigjmp_buf here;
  sigjmp_buf* const outer = failed_touch;
  if (sigsetjmp(here, 1) != 0) {
    failed_touch = outer;
    return false;
  }
  failed_touch = &here;
  if (store)
    __atomic_fetch_or(static_cast<unsigned char*>(const_cast<void*>(address)), 0, __ATOMIC_RELAXED);
  else
    __atomic_load_n(static_cast<const unsigned char*>(address), __ATOMIC_RELAXED);
  failed_touch = outer;
  return true;
}

}  // namespace tvfs
