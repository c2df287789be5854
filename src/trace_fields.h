// Typed access to the fields of one record. A field that is missing or of the wrong type is an error that
// names it.
//
// A view: valid as long as the JSON object it was made of, which is until the parser reads its next line.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lock_vocabulary.h"

namespace faultline {

// What is wrong with one line, without its place, and what to do about it.
class RecordError : public std::runtime_error {
 public:
  static constexpr const char* kDamaged = "the trace is damaged: record the program again";

  explicit RecordError(const std::string& what, const char* advice = kDamaged)
      : std::runtime_error(what + "; " + advice) {}
};

class Fields {
 public:
  explicit Fields(simdjson::dom::object object) : object_(object) {}

  bool has(std::string_view key) const;

  // Required fields.
  std::uint64_t number(std::string_view key) const;
  std::uint32_t number32(std::string_view key) const;
  std::string_view text(std::string_view key) const;
  std::uint64_t hexadecimal(std::string_view key) const;  // "0x7f00"
  simdjson::dom::array array(std::string_view key) const;
  Fields object(std::string_view key) const;

  // Fields that may be absent, but not of another type.
  std::uint64_t number_or(std::string_view key, std::uint64_t absent) const;
  std::uint32_t number32_or(std::string_view key, std::uint32_t absent) const;
  std::string_view text_or(std::string_view key, std::string_view absent) const;
  bool flag_or(std::string_view key, bool absent) const;

  // The value of E that field `key` spells; `last` is E's last value.
  template <class E>
  E word(std::string_view key, E last) const {
    const std::string_view spelt = text(key);
    if (const auto value = spelled(spelt, last)) return *value;
    unknown_word(key, spelt);
  }
  template <class E>
  E word_or(std::string_view key, E last, E absent) const {
    return has(key) ? word(key, last) : absent;
  }

  simdjson::dom::object json() const { return object_; }

 private:
  bool find(std::string_view key, simdjson::dom::element& value) const;
  simdjson::dom::element at(std::string_view key, const char* expected) const;
  [[noreturn]] static void unknown_word(std::string_view key, std::string_view spelt);

  simdjson::dom::object object_;
};

// The number an array holds at `index`.
std::uint64_t number_at(simdjson::dom::array array, std::size_t index, std::string_view key);

}  // namespace faultline
