#include "json_line.h"

#include <cstring>

namespace faultline {

void JsonLine::put(char c) {
  if (length_ < capacity_) {
    buffer_[length_++] = c;
  } else {
    overflowed_ = true;
  }
}

void JsonLine::put(std::string_view s) {
  if (s.size() <= capacity_ - length_) {
    std::memcpy(buffer_ + length_, s.data(), s.size());
    length_ += s.size();
  } else {
    overflowed_ = true;
  }
}

void JsonLine::separate() {
  if (!first_) put(',');
  first_ = false;
}

void JsonLine::put_key(std::string_view key) {
  separate();
  put('"');
  put(key);
  put("\":");
}

void JsonLine::put_decimal(std::uint64_t value) {
  char digits[20];
  int n = 0;
  do {
    digits[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (n > 0) put(digits[--n]);
}

void JsonLine::put_hex(std::uint64_t value) {
  put("\"0x");
  int shift = 60;
  while (shift > 0 && (value >> shift) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
  put('"');
}

namespace {

// Length of the UTF-8 sequence at the start of `s`, or 0 if there is none.
std::size_t utf8_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || length > s.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f)) return 0;  // overlong, surrogates
  if ((lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
    return 0;  // overlong, past U+10FFFF
  return length;
}

}  // namespace

void JsonLine::put_escaped(std::string_view s) {
  put('"');
  while (!s.empty()) {
    const auto c = static_cast<unsigned char>(s[0]);
    if (c == '"' || c == '\\') {
      put('\\');
      put(s[0]);
      s.remove_prefix(1);
    } else if (c < 0x20) {
      put("\\u00");
      put("0123456789abcdef"[c >> 4]);
      put("0123456789abcdef"[c & 15]);
      s.remove_prefix(1);
    } else if (const std::size_t n = utf8_length(s)) {
      put(s.substr(0, n));
      s.remove_prefix(n);
    } else {
      put("\\ufffd");
      s.remove_prefix(1);
    }
  }
  put('"');
}

JsonLine& JsonLine::begin(std::string_view type) {
  length_ = 0;
  overflowed_ = false;
  first_ = true;
  put('{');
  return text("t", type);
}

JsonLine& JsonLine::number(std::string_view key, std::uint64_t value) {
  put_key(key);
  put_decimal(value);
  return *this;
}

JsonLine& JsonLine::text(std::string_view key, std::string_view value) {
  put_key(key);
  put_escaped(value);
  return *this;
}

JsonLine& JsonLine::hex(std::string_view key, std::uint64_t value) {
  put_key(key);
  put_hex(value);
  return *this;
}

JsonLine& JsonLine::truth(std::string_view key, bool value) {
  put_key(key);
  put(value ? std::string_view("true") : std::string_view("false"));
  return *this;
}

JsonLine& JsonLine::open(std::string_view key, char bracket) {
  put_key(key);
  put(bracket);
  first_ = true;
  return *this;
}

JsonLine& JsonLine::close(char bracket) {
  put(bracket);
  first_ = false;
  return *this;
}

JsonLine& JsonLine::element(std::uint64_t value) {
  separate();
  put_decimal(value);
  return *this;
}

JsonLine& JsonLine::element_text(std::string_view value) {
  separate();
  put_escaped(value);
  return *this;
}

JsonLine& JsonLine::open_element(char bracket) {
  separate();
  put(bracket);
  first_ = true;
  return *this;
}

char* JsonLine::padded(std::string_view key, std::uint64_t value, int width) {
  put_key(key);
  for (int i = 1; i < width; ++i) put(' ');
  put('0');
  char* last = buffer_ + length_ - 1;
  if (!overflowed_) overwrite_padded(last, value, width);
  return last;
}

void JsonLine::overwrite_padded(char* last, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) {
    last[-i] = static_cast<char>('0' + value % 10);
    value /= 10;
    if (value == 0) break;
  }
}

std::string_view JsonLine::end() {
  put('}');
  return {buffer_, length_};
}

}  // namespace faultline
