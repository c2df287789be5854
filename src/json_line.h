// Builds one line of JSON in memory that the caller owns: no allocation, no locale, no libc beyond memcpy.
//
// For the shim, which runs inside other programs with their locks held. Not thread safe: one builder, one
// thread. A line that does not fit is marked `overflowed()` and must be thrown away; nothing is written past
// the buffer. Keys are trusted and copied as they are; text values are escaped, and bytes that are not UTF-8
// become U+FFFD so that a line is always valid JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace faultline {

class JsonLine {
 public:
  JsonLine(char* buffer, std::size_t capacity) : buffer_(buffer), capacity_(capacity) {}

  // Starts the record `{"t":"<type>"`. Throws away what was there.
  JsonLine& begin(std::string_view type);

  JsonLine& number(std::string_view key, std::uint64_t value);
  JsonLine& text(std::string_view key, std::string_view value);
  JsonLine& hex(std::string_view key, std::uint64_t value);
  JsonLine& truth(std::string_view key, bool value);

  JsonLine& open(std::string_view key, char bracket);  // bracket: '{' or '['
  JsonLine& close(char bracket);                       // '}' or ']'
  JsonLine& element(std::uint64_t value);              // in an array
  JsonLine& element_text(std::string_view value);      // in an array
  JsonLine& open_element(char bracket = '[');          // an array or an object in an array; close() ends it

  // `value` right-aligned in `width` columns. Returns where its last digit stands, to be overwritten by
  // `overwrite_padded`.
  char* padded(std::string_view key, std::uint64_t value, int width);
  // Writes the digits of `value` ending at `last`, from the right: at every moment a number stands there. At
  // most `width` digits.
  static void overwrite_padded(char* last, std::uint64_t value, int width);

  // Ends the record. The text has no newline.
  std::string_view end();

  bool overflowed() const { return overflowed_; }
  std::size_t length() const { return length_; }

 private:
  void put(char c);
  void put(std::string_view s);
  void put_key(std::string_view key);
  void put_escaped(std::string_view s);
  void put_decimal(std::uint64_t value);
  void put_hex(std::uint64_t value);
  void separate();

  char* buffer_;
  std::size_t capacity_;
  std::size_t length_ = 0;
  bool overflowed_ = false;
  bool first_ = true;  // nothing yet at the current level: the next value needs no comma
};

}  // namespace faultline
