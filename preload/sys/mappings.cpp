#include "sys/mappings.h"

#include <fcntl.h>

#include "raw_syscall.h"

namespace faultline {
namespace {

// A line is "LOW-HIGH PERM OFFSET MAJOR:MINOR INODE    PATH", numbers in hexadecimal but for the inode, PERM
// as in "rw-s". It comes in pieces.
class Line {
 public:
  // Whether `c` ends the line: then `mapping` is whole.
  bool add(char c) {
    if (c == '\n') {
      if (field_ == Inode) end_field();
      mapping.path[is_long_ ? 0 : length_] = '\0';
      return true;
    }
    const bool ends_field = c == ' ' || (c == '-' && field_ == Low) || (c == ':' && field_ == Major);
    if (field_ == Path) {
      add_to_path(c);
    } else if (ends_field) {
      end_field();
    } else if (field_ == Permissions) {
      mapping.shared = c == 's';  // its last letter counts
    } else {
      const auto digit = static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
      number_ = number_ * (field_ == Inode ? 10 : 16) + digit;
    }
    return false;
  }

  void begin() { *this = Line(); }

  Mapping mapping{};

 private:
  enum Field { Low, High, Permissions, Offset, Major, Minor, Inode, Path };

  void end_field() {
    if (field_ == Low) mapping.low = number_;
    if (field_ == High) mapping.high = number_;
    if (field_ == Offset) mapping.offset = number_;
    if (field_ == Major) mapping.device = number_ << 32;
    if (field_ == Minor) mapping.device |= number_;
    if (field_ == Inode) mapping.inode = number_;
    number_ = 0;
    field_ = static_cast<Field>(field_ + 1);
  }

  void add_to_path(char c) {
    if (length_ == 0 && c == ' ') return;  // it is aligned
    if (length_ == sizeof mapping.path - 1) {
      is_long_ = true;
    } else {
      mapping.path[length_++] = c;
    }
  }

  Field field_ = Low;
  std::uint64_t number_ = 0;
  std::size_t length_ = 0;
  bool is_long_ = false;
};

}  // namespace

bool visit_mappings(char* scratch, std::size_t size, bool (*visit)(const Mapping& mapping, void* context),
                    void* context) {
  const long fd =
      sys::call(SYS_openat, AT_FDCWD, sys::as_long("/proc/thread-self/maps"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  Line line;
  bool goes_on = true;
  for (long count;
       goes_on && (count = sys::call(SYS_read, fd, sys::as_long(scratch), static_cast<long>(size))) > 0;) {
    for (long i = 0; i < count && goes_on; ++i) {
      if (!line.add(scratch[i])) continue;
      goes_on = visit(line.mapping, context);
      line.begin();
    }
  }
  sys::call(SYS_close, fd);
  return goes_on;
}

bool find_mapping(char* scratch, std::size_t size, std::uintptr_t address, Mapping& found) {
  struct Search {
    std::uintptr_t address;
    Mapping& mapping;
    bool found;
  } search{address, found, false};
  visit_mappings(
      scratch, size,
      [](const Mapping& mapping, void* context) {
        auto& wanted = *static_cast<Search*>(context);
        wanted.found = wanted.address >= mapping.low && wanted.address < mapping.high;
        if (wanted.found) wanted.mapping = mapping;
        return !wanted.found;
      },
      &search);
  return search.found;
}

}  // namespace faultline
