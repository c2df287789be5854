#include "fault/mount_list.h"

#include <sys/sysmacros.h>

#include <cstring>

namespace faultline {
namespace {

// proc(5): "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS"
constexpr int kId = 0;
constexpr int kDevice = 2;
constexpr int kPoint = 4;
constexpr int kFirstTag = 6;

void add_digit(std::uint64_t& number, char c) {
  if (c >= '0' && c <= '9') number = number * 10 + static_cast<std::uint64_t>(c - '0');
}

}  // namespace

void MountListParser::begin_line() {
  field_ = 0;
  field_of_type_ = -1;
  is_dash_ = is_fuse_ = in_minor_ = false;
  length_ = point_length_ = 0;
  id_ = major_ = minor_ = 0;
  escape_digits_ = 0;
}

// Space, tab, newline and backslash are written as a backslash and three octal digits.
void MountListParser::take_of_point(char c) {
  if (escape_digits_ == 0 && c == '\\') {
    escape_digits_ = 3;
    escaped_ = 0;
    return;
  }
  if (escape_digits_ > 0) {
    escaped_ = escaped_ * 8 + static_cast<unsigned>(c - '0');
    if (--escape_digits_ > 0) return;
    c = static_cast<char>(escaped_);
  }
  if (point_length_ < kLongestPoint) point_[point_length_] = c;
  ++point_length_;
}

void MountListParser::end_type() {
  type_[length_ < sizeof type_ ? length_ : sizeof type_ - 1] = '\0';
  is_fuse_ = std::strcmp(type_, "fuse") == 0 || std::strcmp(type_, "fuseblk") == 0 ||
             std::strncmp(type_, "fuse.", 5) == 0;
}

bool MountListParser::take(char c) {
  if (c == '\n') {
    if (field_ == field_of_type_) end_type();
    const bool found = is_fuse_;
    if (!found) begin_line();
    return found;
  }
  if (c == ' ') {
    if (field_ == field_of_type_) end_type();
    if (field_ >= kFirstTag && field_of_type_ < 0 && is_dash_) field_of_type_ = field_ + 1;
    ++field_;
    length_ = 0;
    is_dash_ = false;
    return false;
  }
  is_dash_ = length_ == 0 && c == '-';
  if (field_ == kId) add_digit(id_, c);
  if (field_ == kDevice) {
    if (c == ':') in_minor_ = true;
    add_digit(in_minor_ ? minor_ : major_, c);
  }
  if (field_ == kPoint) take_of_point(c);
  if (field_ == field_of_type_ && length_ < sizeof type_) type_[length_] = c;
  ++length_;
  return false;
}

FuseMount MountListParser::mount() {
  if (point_length_ > kLongestPoint) point_length_ = 0;
  point_[point_length_] = '\0';
  const auto device = makedev(static_cast<unsigned>(major_), static_cast<unsigned>(minor_));
  const FuseMount found{id_, device, point_, point_length_};
  begin_line();
  return found;
}

}  // namespace faultline
