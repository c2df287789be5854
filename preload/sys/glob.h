// Patterns over names of programs: `*` stands for any characters, slashes too, `?` for one; no libc.
#pragma once

#include <cstddef>
#include <string_view>

namespace faultline {

constexpr bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  // Where to go on when what follows the last star does not fit: the star then takes one character more.
  std::size_t after_star = std::string_view::npos;
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      taken = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (after_star != std::string_view::npos) {
      p = after_star;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// Whether a pattern of `list`, separated by commas, matches the program: one with a slash its path, any other
// its file name.
constexpr bool any_glob_matches(std::string_view list, std::string_view path) {
  std::string_view name = path;
  name.remove_prefix(path.rfind('/') + 1);
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view pattern(list.data(), comma < list.size() ? comma : list.size());
    if (!pattern.empty() && glob_matches(pattern, pattern.find('/') == std::string_view::npos ? name : path))
      return true;
    list.remove_prefix(comma < list.size() ? comma + 1 : list.size());
  }
  return false;
}

}  // namespace faultline
