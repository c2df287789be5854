#include "baseline.h"

#include <time.h>

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

// The member of an entry that `key` names, or null.
std::string* member(BaselineEntry& entry, const std::string& key) {
  if (key == "title") return &entry.title;
  if (key == "severity") return &entry.severity;
  if (key == "first_seen") return &entry.first_seen;
  if (key == "owner") return &entry.owner;
  if (key == "reason") return &entry.reason;
  return nullptr;
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

Baseline Baseline::parse(const std::string& text, const std::string& name) {
  Baseline baseline;
  std::vector<std::string> comments;
  BaselineEntry* entry = nullptr;
  std::string fingerprint;
  int entry_line = 0;
  int line_number = 0;
  const auto fail = [&](int line, const std::string& why) {
    throw InputError(name + ":" + std::to_string(line) + ": " + why);
  };
  const auto close_entry = [&] {
    if (!entry) return;
    if (entry->reason.empty()) fail(entry_line, fingerprint + " has no reason; add a line 'reason = ...'");
    const std::string& severity = entry->severity;
    if (!severity.empty() && severity != "error" && severity != "warning" && severity != "note")
      fail(entry_line, fingerprint + " has the severity '" + severity + "'; use error, warning or note");
  };
  const auto comments_to_head = [&] {
    if (comments.empty()) return;
    if (!baseline.head_.empty()) baseline.head_.emplace_back();
    std::ranges::move(comments, std::back_inserter(baseline.head_));
    comments.clear();
  };
  std::istringstream input(text);
  for (std::string raw; std::getline(input, raw);) {
    ++line_number;
    const std::string line = trimmed(raw);
    if (line.empty()) {
      if (!entry) comments_to_head();
    } else if (line[0] == '#') {
      comments.push_back(line);
    } else if (line[0] == '[') {
      close_entry();
      if (line.back() != ']' || line.size() < 3)
        fail(line_number, "expected '[FINGERPRINT]', found '" + line + "'");
      fingerprint = line.substr(1, line.size() - 2);
      entry_line = line_number;
      const auto [place, fresh] = baseline.entries_.try_emplace(fingerprint);
      if (!fresh) fail(line_number, fingerprint + " is there twice; keep one of the two entries");
      entry = &place->second;
      entry->comments = std::exchange(comments, {});
    } else {
      const auto equals = line.find('=');
      const std::string key = trimmed(line.substr(0, equals));
      if (!entry) fail(line_number, "expected '[FINGERPRINT]' first, found '" + line + "'");
      std::string* value = equals == std::string::npos ? nullptr : member(*entry, key);
      if (!value)
        fail(line_number,
             "expected 'title', 'severity', 'first_seen', 'owner' or 'reason' and '=', found '" + line + "'");
      *value = trimmed(line.substr(equals + 1));
    }
  }
  close_entry();
  // Comments with no entry below them: the file's own where it has none at all, else what people wrote at its
  // end.
  if (baseline.entries_.empty()) {
    comments_to_head();
  } else {
    baseline.tail_ = std::move(comments);
  }
  return baseline;
}

Baseline Baseline::read(const std::string& path) {
  errno = std::filesystem::is_directory(path) ? EISDIR : 0;
  std::ifstream file;
  if (!errno) file.open(path);
  if (!file.is_open())
    throw InputError(path + ": cannot be read (" + std::strerror(errno) +
                     "); `faultline gate --update --reason TEXT` creates a baseline");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return parse(text, path);
}

std::string Baseline::text() const {
  std::string out;
  const auto lines = [&out](const std::vector<std::string>& all) {
    for (const std::string& line : all) out += line + "\n";
  };
  if (head_.empty())
    out += std::string(kFileHead) + "\n";
  else
    lines(head_);
  for (const auto& [fingerprint, entry] : entries_) {
    out += "\n";
    lines(entry.comments);
    out += "[" + fingerprint + "]\n";
    const auto value = [&out](const char* key, const std::string& text) {
      if (!text.empty()) out += std::string(key) + " = " + text + "\n";
    };
    value("title", entry.title);
    value("severity", entry.severity);
    value("first_seen", entry.first_seen);
    value("owner", entry.owner);
    value("reason", entry.reason);
  }
  if (!tail_.empty()) out += "\n";
  lines(tail_);
  return out;
}

void Baseline::write(const std::string& path) const {
  // A rename replaces the file as a whole, but through a link it would replace the link.
  std::error_code error;
  const std::string target =
      std::filesystem::is_symlink(path, error) ? std::filesystem::canonical(path).string() : path;
  const std::string temporary = target + ".new";
  std::ofstream file(temporary, std::ios::trunc);
  file << text();
  file.close();
  if (!file || std::rename(temporary.c_str(), target.c_str()) != 0) {
    const std::string why = std::strerror(errno);
    std::remove(temporary.c_str());
    throw InputError(path + ": cannot be written: " + why);
  }
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
