#include "text_style.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace faultline {

namespace {

// Narrower than this a report is unreadable whatever is done.
constexpr std::size_t kNarrowest = 40;

bool continues_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

std::string TextStyle::paint(std::string_view code, std::string_view text) const {
  if (!colour) return std::string(text);
  return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

TextStyle style_of(int descriptor) {
  TextStyle style;
  if (!isatty(descriptor)) return style;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  style.colour = !(no_colour && *no_colour) && terminal && std::string_view(terminal) != "dumb";
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.width = std::max<std::size_t>(size.ws_col, kNarrowest);
  return style;
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !continues_code_point(c); }));
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return out;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t used = 0;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    const std::size_t length = columns(word);
    if (used == 0 || used + 1 + length > width) {
      if (used != 0) out += "\n";
      out += std::string(indent, ' ') + word;
      used = indent + length;
    } else {
      out += " " + word;
      used += 1 + length;
    }
  }
  return out + "\n";
}

std::string elided(const std::string& text, std::size_t width) {
  if (columns(text) <= width || width < 4) return text;
  const std::size_t kept = width - 3;
  std::string head;
  std::string tail;
  std::size_t column = 0;
  const std::size_t all = columns(text);
  for (const char c : text) {
    if (!continues_code_point(c)) ++column;
    if (column <= kept / 2) head += c;
    if (column > all - (kept - kept / 2)) tail += c;
  }
  return head + "..." + tail;
}

}  // namespace faultline
