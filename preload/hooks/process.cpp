// fork, and the loader's enumeration of modules.
#include "hooks/hook.h"
#include "record/unwinder.h"
#include "runtime.h"

using namespace faultline;

FAULTLINE_EXPORT pid_t fork() noexcept {
  if (!recording()) return real::fork();
  before_fork();
  const pid_t result = real::fork();
  Guard guard;
  after_fork(result == 0, guard ? &guard.thread() : nullptr);
  return result;
}

FAULTLINE_EXPORT int dl_iterate_phdr(int (*callback)(dl_phdr_info*, std::size_t, void*), void* data) {
  return walking_stack() ? answer_phdr(callback, data) : real::dl_iterate_phdr(callback, data);
}
