#include "baseline.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "input_error.h"

namespace faultline {

namespace {

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

constexpr const char* kKeys[] = {"title", "severity", "first_seen", "owner", "reason"};

// The member of an entry that `key` names, or null.
template <class Entry>
auto member(Entry& entry, const std::string& key) -> decltype(&entry.title) {
  if (key == "title") return &entry.title;
  if (key == "severity") return &entry.severity;
  if (key == "first_seen") return &entry.first_seen;
  if (key == "owner") return &entry.owner;
  if (key == "reason") return &entry.reason;
  return nullptr;
}

bool is_fingerprint(const std::string& text) {
  return text.size() == 19 && text.starts_with("FL-") &&
         text.find_first_not_of("0123456789abcdef", 3) == std::string::npos;
}

// A line as a message shows it: whatever file was named by mistake, it does not garble the terminal.
std::string quoted(const std::string& line) {
  constexpr std::size_t kShown = 60;
  std::string shown = line.substr(0, kShown);
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  return "'" + shown + (line.size() > kShown ? "...'" : "'");
}

using Lines = std::vector<std::string>;

// Moves the first `count` of `from` to the end of `to`.
void move_lines(Lines& from, std::size_t count, Lines& to) {
  const auto end = from.begin() + static_cast<std::ptrdiff_t>(count);
  std::move(from.begin(), end, std::back_inserter(to));
  from.erase(from.begin(), end);
}

// Without the empty ones at both ends.
Lines stripped(Lines lines) {
  const auto first = std::ranges::find_if_not(lines, &std::string::empty);
  lines.erase(lines.begin(), first);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// Values are one line in the file.
std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return trimmed(text);
}

constexpr char kFileHead[] =
    "# Faultline baseline: findings reviewed and accepted for now. `faultline gate --update --reason TEXT` "
    "adds new ones.";

}  // namespace

// Takes a file apart line by line.
class Baseline::Parser {
 public:
  explicit Parser(const std::string& name) : name_(name) {}

  Baseline run(const std::string& text) {
    std::istringstream input(text);
    for (std::string line; std::getline(input, line);) {
      ++line_number_;
      const std::string content = trimmed(line);
      if (!content.empty() && std::exchange(is_blank_, false)) baseline_.head_.clear();
      if (content.empty())
        pending_.emplace_back();
      else if (content[0] == '#')
        pending_.push_back(line.substr(0, line.find_last_not_of(" \t\r") + 1));
      else if (content[0] == '[')
        head(content);
      else
        value(content);
    }
    pending_.emplace_back();  // the end of the file ends an entry as an empty line does
    close_entry();
    if (entry_)
      baseline_.tail_ = stripped(std::move(pending_));
    else if (!is_blank_)
      baseline_.head_ = stripped(std::move(pending_));
    return std::move(baseline_);
  }

 private:
  [[noreturn]] void fail(int line, const std::string& why) const {
    throw InputError(name_ + ":" + std::to_string(line) + ": " + why);
  }

  // Ends the entry: of the lines since its last key, those up to an empty one are its own; without an empty
  // one they stand right above what follows and belong to that.
  void close_entry() {
    if (!entry_) return;
    const auto empty = std::ranges::find_if(pending_, &std::string::empty);
    if (empty != pending_.end())
      move_lines(pending_, static_cast<std::size_t>(empty - pending_.begin()), entry_->body);
    if (entry_->reason.empty()) fail(entry_line_, fingerprint_ + " has no reason; add a line 'reason = ...'");
    const std::string& severity = entry_->severity;
    if (!severity.empty() && severity != "error" && severity != "warning" && severity != "note")
      fail(entry_line_,
           fingerprint_ + " has the severity " + quoted(severity) + "; use error, warning or note");
  }

  void head(const std::string& line) {
    if (entry_) {
      close_entry();
    } else {
      // Above the first entry, what an empty line ends is the file's own.
      const auto last = std::ranges::find_if(pending_.rbegin(), pending_.rend(), &std::string::empty);
      move_lines(pending_, static_cast<std::size_t>(pending_.rend() - last), baseline_.head_);
      baseline_.head_ = stripped(std::move(baseline_.head_));
    }
    fingerprint_ = line.back() == ']' ? line.substr(1, line.size() - 2) : "";
    if (!is_fingerprint(fingerprint_))
      fail(line_number_,
           "expected '[FL-', 16 lower-case hexadecimal digits and ']' alone on the line, found " +
               quoted(line));
    entry_line_ = line_number_;
    const auto [place, fresh] = baseline_.entries_.try_emplace(fingerprint_);
    if (!fresh) fail(line_number_, fingerprint_ + " is there twice; keep one of the two entries");
    entry_ = &place->second;
    // The empty line in front of every entry is not its own.
    const auto first = std::ranges::find_if_not(pending_, &std::string::empty);
    entry_->comments.assign(first, pending_.end());
    pending_.clear();
  }

  void value(const std::string& line) {
    if (!entry_) fail(line_number_, "expected '[FINGERPRINT]' first, found " + quoted(line));
    const auto equals = line.find('=');
    const std::string key = trimmed(line.substr(0, equals));
    std::string* const member_of_key = equals == std::string::npos ? nullptr : member(*entry_, key);
    if (!member_of_key)
      fail(line_number_,
           "expected 'title', 'severity', 'first_seen', 'owner' or 'reason' and '=', found " + quoted(line));
    if (std::ranges::find(entry_->body, key) != entry_->body.end())
      fail(line_number_, fingerprint_ + " has '" + key + "' twice; keep one of the two lines");
    move_lines(pending_, pending_.size(), entry_->body);
    entry_->body.push_back(key);
    *member_of_key = trimmed(line.substr(equals + 1));
  }

  const std::string& name_;
  Baseline baseline_;
  Lines pending_;  // comments and empty lines since the last head or key
  BaselineEntry* entry_ = nullptr;
  std::string fingerprint_;
  int entry_line_ = 0;
  int line_number_ = 0;
  bool is_blank_ = true;
};

Baseline::Baseline() : head_{kFileHead} {}

Baseline Baseline::parse(const std::string& text, const std::string& name) {
  return Parser(name).run(text);
}

Baseline Baseline::read(const std::string& path, bool may_be_missing) {
  const auto fail = [&](const std::string& why) {
    throw InputError(path + ": cannot be read (" + why +
                     "); `faultline gate --update --reason TEXT` creates a baseline");
  };
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT && may_be_missing) return {};
    fail(std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) fail(std::strerror(EISDIR));
  // How scripts say that there is none; its like never ends.
  const bool is_null = S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
  if (!S_ISREG(status.st_mode) && !is_null) fail("not a regular file");
  errno = 0;
  std::ifstream file(path);
  std::string text;
  if (file.is_open()) text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) fail(std::strerror(errno));
  return parse(text, path);
}

std::string Baseline::text() const {
  std::string out;
  const auto lines = [&out](const Lines& all) {
    for (const std::string& line : all) out += line + "\n";
  };
  lines(head_);
  for (const auto& [fingerprint, entry] : entries_) {
    if (!out.empty()) out += "\n";
    lines(entry.comments);
    out += "[" + fingerprint + "]\n";
    const auto value = [&, &known = entry](const std::string& key) {
      const std::string& text = *member(known, key);
      if (!text.empty()) out += key + " = " + text + "\n";
    };
    for (const std::string& line : entry.body) {
      if (member(entry, line))
        value(line);
      else
        out += line + "\n";
    }
    for (const char* key : kKeys)
      if (std::ranges::find(entry.body, key) == entry.body.end()) value(key);
  }
  if (!tail_.empty()) out += "\n";
  lines(tail_);
  return out;
}

void Baseline::write(const std::string& path) const {
  // A rename replaces the file as a whole, but through a link it would replace the link.
  const auto fail = [&](const std::string& why) { throw InputError(path + ": cannot be written: " + why); };
  std::error_code error;
  const bool is_link = std::filesystem::is_symlink(path, error);
  error.clear();
  const std::string target = is_link ? std::filesystem::canonical(path, error).string() : path;
  if (error) fail("the link leads nowhere: " + error.message());
  struct stat old {};
  const bool exists = stat(target.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) fail("not a regular file");
  if (exists && faccessat(AT_FDCWD, target.c_str(), W_OK, AT_EACCESS) != 0) fail(std::strerror(errno));

  std::string temporary = target + ".XXXXXX";
  const int fd = mkstemp(temporary.data());
  if (fd < 0) fail(std::string("no file can be made next to it: ") + std::strerror(errno));
  std::FILE* const file = fdopen(fd, "w");
  if (!file) {
    close(fd);
    std::remove(temporary.c_str());
    fail(std::strerror(ENOMEM));
  }
  const mode_t mask = umask(0);
  umask(mask);
  // Its owner may be someone else who shares it; only root can leave it theirs.
  const bool given = !exists || geteuid() != 0 || fchown(fd, old.st_uid, old.st_gid) == 0;
  const bool written = given && fchmod(fd, exists ? old.st_mode & 07777 : 0666 & ~mask) == 0 &&
                       std::fputs(text().c_str(), file) >= 0 && std::fflush(file) == 0 && fsync(fd) == 0;
  int why = errno;
  std::fclose(file);
  if (written && std::rename(temporary.c_str(), target.c_str()) == 0) return;
  if (written) why = errno;
  std::remove(temporary.c_str());
  fail(std::strerror(why));
}

void Baseline::accept(const std::string& fingerprint, const BaselineEntry& entry) {
  BaselineEntry& known = entries_.try_emplace(fingerprint, entry).first->second;
  known.title = one_line(entry.title);
  known.severity = entry.severity;
  known.reason = one_line(entry.reason);
}

std::string today() {
  const time_t now = time(nullptr);
  tm date{};
  gmtime_r(&now, &date);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &date);
  return text;
}

}  // namespace faultline
