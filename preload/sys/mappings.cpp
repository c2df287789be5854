#include "sys/mappings.h"

#include <fcntl.h>

#include "raw_syscall.h"

namespace faultline {
namespace {

// The fields of "LOW-HIGH PERM OFFSET MAJOR:MINOR INODE PATH", one character at a time. All numbers but the
// inode are hexadecimal.
class Line {
 public:
  void take(char c) {
    if (field_ == kPath) return;
    const bool ends = c == ' ' || (field_ == kLow && c == '-') || (field_ == kMajor && c == ':');
    if (!ends) {
      const std::uint64_t base = field_ == kInode ? 10 : 16;
      values_[field_] =
          values_[field_] * base + static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
      last_ = c;
    } else {
      if (field_ == kPermissions) shared_ = last_ == 's';
      ++field_;
    }
  }
  bool is_complete() const { return field_ == kPath; }
  bool contains(std::uintptr_t address) const { return address >= values_[kLow] && address < values_[kHigh]; }
  Mapping mapping() const {
    // As makedev of libc puts them together.
    const std::uint64_t major = values_[kMajor];
    const std::uint64_t minor = values_[kMinor];
    const std::uint64_t device =
        (major & 0xfffff000u) << 32 | (major & 0xfffu) << 8 | (minor & 0xffffff00u) << 12 | (minor & 0xffu);
    return {values_[kLow], values_[kHigh], shared_, values_[kOffset], device, values_[kInode]};
  }

 private:
  enum Field { kLow, kHigh, kPermissions, kOffset, kMajor, kMinor, kInode, kPath };
  std::uint64_t values_[kPath]{};
  int field_ = kLow;
  char last_ = '\0';
  bool shared_ = false;
};

}  // namespace

bool find_mapping(char* scratch, std::size_t size, std::uintptr_t address, Mapping& found) {
  const long fd =
      sys::call(SYS_openat, AT_FDCWD, sys::as_long("/proc/thread-self/maps"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  Line line;
  bool is_there = false;
  for (long count;
       !is_there && (count = sys::call(SYS_read, fd, sys::as_long(scratch), static_cast<long>(size))) > 0;) {
    for (long i = 0; i < count && !is_there; ++i) {
      if (scratch[i] == '\n') {
        line = Line();
      } else {
        line.take(scratch[i]);
        is_there = line.is_complete() && line.contains(address);
      }
    }
  }
  sys::call(SYS_close, fd);
  found = line.mapping();
  return is_there;
}

}  // namespace faultline
