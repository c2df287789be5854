// Lines of JSON built without allocation: whatever goes in, a JSON parser reads the same back.
#include "json_line.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using faultline::JsonLine;
using Json = nlohmann::json;

namespace {

std::string line_with(std::string_view value) {
  char buffer[256];
  JsonLine line(buffer, sizeof buffer);
  return std::string(line.begin("x").text("v", value).end());
}

}  // namespace

TEST_CASE("json line: nested arrays and objects read back as written") {
  char buffer[256];
  JsonLine line(buffer, sizeof buffer);
  line.begin("stack").number("id", 18446744073709551615u).open("frames", '[');
  line.open_element().element(1).element(2).close(']').open_element().element(3).element(4).close(']').close(
      ']');
  line.open("via", '{')
      .number("thread", 7)
      .close('}')
      .truth("try", true)
      .hex("addr", 0xdeadbeef0)
      .hex("none", 0);
  const Json expected = {{"t", "stack"},
                         {"id", 18446744073709551615u},
                         {"frames", {{1, 2}, {3, 4}}},
                         {"via", {{"thread", 7}}},
                         {"try", true},
                         {"addr", "0xdeadbeef0"},
                         {"none", "0x0"}};
  CHECK(Json::parse(line.end()) == expected);
}

TEST_CASE("json line: quotes, control characters and UTF-8 survive") {
  for (const std::string text : {"plain", "\"quoted\" \\ back", "tab\tnewline\nnul", "größe €𝄞"})
    CHECK(Json::parse(line_with(text)).at("v") == text);
}

TEST_CASE("json line: bytes that are not UTF-8 become the replacement character, the line stays JSON") {
  CHECK(Json::parse(line_with("a\xffz")).at("v") == "a\ufffdz");
  CHECK(Json::parse(line_with("\xc0\xaf")).at("v") == "\ufffd\ufffd");            // overlong
  CHECK(Json::parse(line_with("\xed\xa0\x80")).at("v") == "\ufffd\ufffd\ufffd");  // a surrogate
  CHECK(Json::parse(line_with("cut \xe2\x82")).at("v") == "cut \ufffd\ufffd");
}

TEST_CASE("json line: what does not fit is marked and nothing is written behind the buffer") {
  char buffer[32];
  buffer[24] = '!';
  JsonLine line(buffer, 24);
  line.begin("x").text("v", "more than there is room for");
  line.end();
  CHECK(line.overflowed());
  CHECK(line.length() <= 24);
  CHECK(buffer[24] == '!');
}

TEST_CASE("json line: a padded number is overwritten in place and is a number at every length") {
  char buffer[64];
  JsonLine line(buffer, sizeof buffer);
  line.begin("stats");
  char* const last = line.padded("n", 0, 12);
  const std::string_view text = line.end();
  for (const std::uint64_t value : {0ull, 7ull, 99ull, 100ull, 123456789012ull}) {
    JsonLine::overwrite_padded(last, value, 12);
    CHECK(Json::parse(text).at("n") == value);
  }
}
