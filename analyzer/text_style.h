// How text goes to a person: colours and width of the place it is printed to.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace faultline {

struct TextStyle {
  bool colour = false;
  std::size_t width = 100;  // columns

  std::string bold(std::string_view text) const { return paint("1", text); }
  std::string faint(std::string_view text) const { return paint("2", text); }
  std::string red(std::string_view text) const { return paint("1;31", text); }
  std::string yellow(std::string_view text) const { return paint("1;33", text); }
  std::string cyan(std::string_view text) const { return paint("36", text); }

 private:
  std::string paint(std::string_view code, std::string_view text) const;
};

// The style for an open descriptor: colour and its width where it is a terminal (no colour where $NO_COLOR is
// set, see no-color.org, or $TERM is dumb), the default elsewhere.
TextStyle style_of(int descriptor);

// `text` broken at spaces into lines of at most `width` columns, each starting with `indent` spaces. A word
// longer than a line gets its own. Columns are counted in code points.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

// `text` in at most `width` columns, its middle replaced by "..." where it is longer.
std::string elided(const std::string& text, std::size_t width);

// `text` without control characters, which a traced program's names may hold and a terminal would obey.
std::string printable(std::string_view text);

// Columns that `text` takes, counted in code points.
std::size_t columns(std::string_view text);

}  // namespace faultline
