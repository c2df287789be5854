#include "trace_fields.h"

#include <charconv>
#include <limits>

namespace faultline {
namespace {

std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

// A trace may hold anything, and an error is one line on a terminal.
std::string shown(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 40)) result += c >= ' ' && c < 127 ? c : '?';
  return in_quotes(result);
}

[[noreturn]] void wrong_type(std::string_view key, const char* expected) {
  throw RecordError("field " + in_quotes(key) + " is not " + expected);
}

constexpr const char* kNumber = "a number from 0";
constexpr const char* kText = "a string";

std::uint64_t to_number(simdjson::dom::element value, std::string_view key) {
  std::uint64_t number = 0;
  if (value.get(number)) wrong_type(key, kNumber);
  return number;
}

std::uint32_t to_number32(simdjson::dom::element value, std::string_view key) {
  const std::uint64_t number = to_number(value, key);
  if (number > std::numeric_limits<std::uint32_t>::max())
    throw RecordError("field " + in_quotes(key) + " is too large");
  return static_cast<std::uint32_t>(number);
}

std::string_view to_text(simdjson::dom::element value, std::string_view key) {
  std::string_view text;
  if (value.get(text)) wrong_type(key, kText);
  return text;
}

}  // namespace

bool Fields::find(std::string_view key, simdjson::dom::element& value) const {
  return object_.at_key(key).get(value) == simdjson::SUCCESS;
}

bool Fields::has(std::string_view key) const {
  simdjson::dom::element ignored;
  return find(key, ignored);
}

simdjson::dom::element Fields::at(std::string_view key, const char* expected) const {
  simdjson::dom::element value;
  if (!find(key, value)) throw RecordError("field " + in_quotes(key) + ", " + expected + ", is missing");
  return value;
}

std::uint64_t Fields::number(std::string_view key) const {
  return to_number(at(key, kNumber), key);
}

std::uint32_t Fields::number32(std::string_view key) const {
  return to_number32(at(key, kNumber), key);
}

std::string_view Fields::text(std::string_view key) const {
  return to_text(at(key, kText), key);
}

std::uint64_t Fields::number_or(std::string_view key, std::uint64_t absent) const {
  simdjson::dom::element value;
  return find(key, value) ? to_number(value, key) : absent;
}

std::uint32_t Fields::number32_or(std::string_view key, std::uint32_t absent) const {
  simdjson::dom::element value;
  return find(key, value) ? to_number32(value, key) : absent;
}

std::string_view Fields::text_or(std::string_view key, std::string_view absent) const {
  simdjson::dom::element value;
  return find(key, value) ? to_text(value, key) : absent;
}

bool Fields::flag_or(std::string_view key, bool absent) const {
  simdjson::dom::element value;
  if (!find(key, value)) return absent;
  bool flag = false;
  if (value.get(flag)) wrong_type(key, "true or false");
  return flag;
}

std::uint64_t Fields::hexadecimal(std::string_view key) const {
  const std::string_view digits = text(key);
  std::uint64_t value = 0;
  if (digits.starts_with("0x")) {
    const char* const end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data() + 2, end, value, 16);
    if (error == std::errc() && rest == end) return value;
  }
  wrong_type(key, "a hexadecimal number such as \"0x7f00\"");
}

simdjson::dom::array Fields::array(std::string_view key) const {
  constexpr const char* expected = "a list";
  simdjson::dom::array value;
  if (at(key, expected).get(value)) wrong_type(key, expected);
  return value;
}

Fields Fields::object(std::string_view key) const {
  constexpr const char* expected = "an object";
  simdjson::dom::object value;
  if (at(key, expected).get(value)) wrong_type(key, expected);
  return Fields(value);
}

void Fields::unknown_word(std::string_view key, std::string_view spelt) {
  throw RecordError("field " + in_quotes(key) + " has the unknown value " + shown(spelt));
}

std::uint64_t number_at(simdjson::dom::array array, std::size_t index, std::string_view key) {
  std::uint64_t value = 0;
  if (array.at(index).get(value)) wrong_type(key, "a list of numbers");
  return value;
}

}  // namespace faultline
