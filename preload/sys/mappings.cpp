#include "sys/mappings.h"

#include <fcntl.h>

#include "raw_syscall.h"

namespace faultline {

bool find_mapping(char* scratch, std::size_t size, std::uintptr_t address, Mapping& found) {
  const long fd =
      sys::call(SYS_openat, AT_FDCWD, sys::as_long("/proc/thread-self/maps"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  // A line begins "LOW-HIGH PERM ", the bounds in hexadecimal, PERM as in "rw-s".
  std::uintptr_t bounds[2] = {0, 0};
  int field = 0;
  char last = '\0';
  bool complete = false;
  for (long count;
       !complete && (count = sys::call(SYS_read, fd, sys::as_long(scratch), static_cast<long>(size))) > 0;) {
    for (long i = 0; i < count && !complete; ++i) {
      const char c = scratch[i];
      if (c == '\n') {
        field = 0;
        bounds[0] = bounds[1] = 0;
      } else if (field < 3 && (c == '-' || c == ' ') && (field < 2 || c == ' ')) {
        complete = ++field == 3 && address >= bounds[0] && address < bounds[1];
        if (!complete) last = c;
      } else if (field < 2) {
        bounds[field] = bounds[field] << 4 | static_cast<std::uintptr_t>(c <= '9' ? c - '0' : c - 'a' + 10);
      } else {
        last = c;
      }
    }
  }
  sys::call(SYS_close, fd);
  found = {bounds[0], bounds[1], last == 's'};
  return complete;
}

}  // namespace faultline
