#include "fault/registered_memory.h"

#include <fcntl.h>

#include <cstring>

#include "raw_syscall.h"

namespace faultline {
namespace {

// Parses "LOW-HIGH "; false: the line is none that begins a mapping.
bool bounds_of(const char* line, std::uint64_t& low, std::uint64_t& high) {
  low = high = 0;
  std::uint64_t* value = &low;
  for (;; ++line) {
    if (*line >= '0' && *line <= '9') {
      *value = *value << 4 | static_cast<std::uint64_t>(*line - '0');
    } else if (*line >= 'a' && *line <= 'f') {
      *value = *value << 4 | static_cast<std::uint64_t>(*line - 'a' + 10);
    } else if (*line == '-' && value == &low) {
      value = &high;
    } else {
      return *line == ' ' && value == &high;
    }
  }
}

// Of "VmFlags: rd wr um uw ...": registered for missing pages, write protection, minor faults.
bool has_userfault_flag(const char* flags) {
  return std::strstr(flags, " um") != nullptr || std::strstr(flags, " uw") != nullptr ||
         std::strstr(flags, " ui") != nullptr;
}

// One line at a time; a line that is too long comes in pieces.
class Lines {
 public:
  Lines(int fd, char* room, std::size_t size) : fd_(fd), room_(room), size_(size - 1) {}

  // The next line, NUL-terminated; null at the end.
  char* next() {
    for (;;) {
      char* start = room_ + at_;
      if (auto* end = static_cast<char*>(std::memchr(start, '\n', filled_ - at_))) {
        *end = '\0';
        at_ = static_cast<std::size_t>(end - room_) + 1;
        return start;
      }
      std::memmove(room_, start, filled_ - at_);
      filled_ -= at_;
      at_ = 0;
      if (filled_ == size_) filled_ = 0;
      const long got =
          sys::call(SYS_read, fd_, sys::as_long(room_ + filled_), static_cast<long>(size_ - filled_));
      if (got <= 0) return nullptr;
      filled_ += static_cast<std::size_t>(got);
    }
  }

 private:
  int fd_;
  char* room_;
  std::size_t size_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace

bool is_registered(std::uint64_t address, char* scratch, std::size_t size) {
  const long fd =
      sys::call(SYS_openat, AT_FDCWD, sys::as_long("/proc/thread-self/smaps"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  Lines lines(static_cast<int>(fd), scratch, size);
  bool inside = false;
  bool registered = false;
  while (const char* line = lines.next()) {
    std::uint64_t low;
    std::uint64_t high;
    if (bounds_of(line, low, high)) {
      if (inside || low > address) break;
      inside = address < high;
    } else if (inside && std::strncmp(line, "VmFlags:", 8) == 0) {
      registered = has_userfault_flag(line);
      break;
    }
  }
  sys::call(SYS_close, fd);
  return registered;
}

}  // namespace faultline
