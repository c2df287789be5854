// The baseline: findings that people have reviewed and accepted for now, in a text file kept under version
// control.
//
//   # Deadlocks we know of. Comments stay where they are.
//   [FL-5c1e09d2a7b3f846]
//   title = inode_lock -> mmap_lock -> inode_lock
//   severity = error
//   first_seen = 2026-11-20
//   owner = storage
//   reason = known upstream, fixed by the mmap_prepare conversion
//
// One entry per finding, sorted by fingerprint, so that two branches that add entries seldom meet on one
// line. `reason` is required. `severity` is what was accepted: the same finding at a higher one is new again,
// as when an inversion that one thread made in two places becomes one that two threads can meet on. `title`,
// `first_seen` (a date) and `owner` are for people. Comments and the order of an entry's lines stay as they
// are. A comment above an entry belongs to it, one at the top (ended by an empty line) to the file. An empty
// file is a valid, empty baseline.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace faultline {

struct BaselineEntry {
  std::string title{};
  std::string severity{};  // accepted up to this one; empty: at any
  std::string first_seen{};
  std::string owner{};
  std::string reason{};
  std::vector<std::string> comments{};  // lines above it, with their '#', and empty ones
  std::vector<std::string> body{};  // below its head: the keys it had in the file, comments and empty lines
};

class Baseline {
 public:
  using Entries = std::map<std::string, BaselineEntry>;  // by fingerprint

  // Without entries, and with a comment that says what the file is.
  Baseline();
  // Parses `text`; `name` is what errors call it. Throws InputError ("NAME:LINE: ...") on anything that is no
  // baseline: a head that is no fingerprint, an unknown key, an entry without a reason, an entry or a key
  // that is there twice (as a careless merge leaves it).
  static Baseline parse(const std::string& text, const std::string& name);
  // Reads the file; /dev/null is an empty baseline, and so is, with `may_be_missing`, a file that is not
  // there. Throws InputError where it cannot be read.
  static Baseline read(const std::string& path, bool may_be_missing = false);

  std::string text() const;
  // Replaces the file, whose mode stays, at once or not at all. Throws InputError where it cannot be written.
  void write(const std::string& path) const;

  const Entries& entries() const { return entries_; }
  // Adds an entry. One that is already there gets the title, severity and reason and keeps its date, owner
  // and comments.
  void accept(const std::string& fingerprint, const BaselineEntry& entry);

 private:
  class Parser;

  std::vector<std::string> head_;  // comments of the file itself, and empty lines
  Entries entries_;
  std::vector<std::string> tail_;  // what is below the last entry
};

// Today, as entries write it: YYYY-MM-DD, in UTC.
std::string today();

}  // namespace faultline
