// /proc/self/mountinfo, piece by piece as it is read: which FUSE file systems are mounted where.
//
// No allocation, no system call of its own; a line may be of any length.
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline {

struct FuseMount {
  std::uint64_t id;      // grows with each mount
  std::uint64_t device;  // as st_dev
  const char* point;     // NUL-terminated, as in a path; empty where it is longer than kLongestPoint
  std::size_t point_length;
};

class MountListParser {
 public:
  static constexpr std::size_t kLongestPoint = 511;

  // Calls `found(const FuseMount&)` for each whole line of a FUSE file system (of type fuse, fuseblk, or
  // fuse.NAME).
  template <class Found>
  void feed(const char* text, std::size_t size, Found found) {
    for (std::size_t i = 0; i < size; ++i)
      if (take(text[i])) found(mount());
  }

 private:
  // The next character; whether it ended such a line.
  bool take(char c);
  void begin_line();
  void take_of_point(char c);
  void end_type();
  FuseMount mount();

  int field_ = 0;           // of the line, from 0
  int field_of_type_ = -1;  // after the separator; -1: not reached
  bool is_dash_ = false;    // the field so far is "-"
  bool is_fuse_ = false;
  std::size_t length_ = 0;  // of the field so far
  std::uint64_t id_ = 0;
  std::uint64_t major_ = 0;
  std::uint64_t minor_ = 0;
  bool in_minor_ = false;
  int escape_digits_ = 0;  // still to come of \ooo
  unsigned escaped_ = 0;
  std::size_t point_length_ = 0;
  char point_[kLongestPoint + 1];
  char type_[10];  // as much as tells "fuse.", "fuse" and "fuseblk"
};

}  // namespace faultline
