// The baseline file: what round trips, what is refused, and which findings it makes known.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "baseline.h"
#include "baseline_match.h"
#include "input_error.h"

using namespace faultline;

namespace {

constexpr char kTwoEntries[] =
    "# Known deadlocks of the storage daemon.\n"
    "# Ask before you add one.\n"
    "\n"
    "# see the lock order notes\n"
    "[FL-0000000000000001]\n"
    "title = a -> b -> a\n"
    "severity = error\n"
    "first_seen = 2026-01-31\n"
    "owner = storage\n"
    "reason = fixed in the next release = soon\n"
    "\n"
    "[FL-0000000000000002]\n"
    "title = c -> d -> c\n"
    "reason = only at startup\n"
    "\n"
    "# end of list\n";

Finding finding(const std::string& fingerprint, Severity severity) {
  Finding result;
  result.fingerprint = fingerprint;
  result.title = "title of " + fingerprint;
  result.severity = severity;
  return result;
}

std::string error_of(const std::string& text) {
  try {
    Baseline::parse(text, "b.txt");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a baseline comes back as it was written, comments and all") {
  CHECK(Baseline::parse(kTwoEntries, "b").text() == kTwoEntries);
}

TEST_CASE("entries are sorted by fingerprint and take their comments along") {
  const std::string text =
      Baseline::parse("[FL-000000000000000b]\nreason = 2\n# about a\n[FL-000000000000000a]\nreason = 1\n",
                      "b")
          .text();
  CHECK(text == ("# about a\n[FL-000000000000000a]\nreason = 1\n\n[FL-000000000000000b]\nreason = 2\n"));
}

TEST_CASE("comments stay where they are when an entry is accepted") {
  constexpr char kCommented[] =
      "# directly above\n"
      "[FL-0000000000000001]\n"
      "reason = r1\n"
      "# about the title\n"
      "  # indented\n"
      "title = t1\n"
      "\n"
      "owner = me\n"
      "# still about 1\n"
      "\n"
      "# a section of its own\n"
      "\n"
      "# above 3\n"
      "[FL-0000000000000003]\n"
      "# first in 3\n"
      "reason = r3\n"
      "# last in 3\n";
  Baseline baseline = Baseline::parse(kCommented, "b");
  CHECK(baseline.text() == kCommented);
  baseline.accept("FL-0000000000000004", {.title = "t4", .reason = "r4"});
  CHECK(baseline.text() == std::string(kCommented) + "\n[FL-0000000000000004]\ntitle = t4\nreason = r4\n");
  baseline.accept("FL-0000000000000001", {.title = "new title", .severity = "error", .reason = "new reason"});
  std::string expected = kCommented;
  expected.replace(expected.find("r1"), 2, "new reason");
  expected.replace(expected.find("t1"), 2, "new title");
  expected.insert(expected.find("# still about 1\n") + 16, "severity = error\n");
  CHECK(baseline.text().starts_with(expected));
}

TEST_CASE("an empty file is an empty baseline; comments alone stay") {
  CHECK(Baseline::parse("", "b").entries().empty());
  CHECK(Baseline::parse("# mine\n\n# too\n", "b").text() == "# mine\n\n# too\n");
}

TEST_CASE("what is no baseline is refused with file and line") {
  CHECK(error_of("reason = x\n") == "b.txt:1: expected '[FINGERPRINT]' first, found 'reason = x'");
  CHECK(
      error_of("[FL-0000000000000001]\nresaon = x\n") ==
      "b.txt:2: expected 'title', 'severity', 'first_seen', 'owner' or 'reason' and '=', found 'resaon = x'");
  CHECK(error_of("\n[FL-0000000000000001]\ntitle = x\n") ==
        "b.txt:2: FL-0000000000000001 has no reason; add a line 'reason = ...'");
  CHECK(error_of("[FL-0000000000000001]\nreason = x\n[FL-0000000000000001]\nreason = y\n") ==
        "b.txt:3: FL-0000000000000001 is there twice; keep one of the two entries");
  CHECK(error_of("<<<<<<< HEAD\n") == "b.txt:1: expected '[FINGERPRINT]' first, found '<<<<<<< HEAD'");
  for (const std::string head :
       {"[FL-1]", "[FL-0000000000000001", "[FL-000000000000000A]", "[FL-00000000000000012]",
        "[fl-0000000000000001]", "[FL-0000000000000001] # known", "[ FL-0000000000000001]", "["})
    CHECK(error_of("\n" + head + "\nreason = x\n") ==
          "b.txt:2: expected '[FL-', 16 lower-case hexadecimal digits and ']' alone on the line, found '" +
              head + "'");
  CHECK(error_of("  [FL-0000000000000001]\t\r\nreason = x\r\n") == "");
  CHECK(error_of("[FL-0000000000000001]\nreason = x\nreason = y\n") ==
        "b.txt:3: FL-0000000000000001 has 'reason' twice; keep one of the two lines");
  CHECK(error_of("\x7f"
                 "ELF\x1b[2J" +
                 std::string(100, 'x')) ==
        "b.txt:1: expected '[FINGERPRINT]' first, found '?ELF?[2J" + std::string(52, 'x') + "...'");
  CHECK(error_of("[FL-0000000000000001]\nseverity = fatal\nreason = x\n") ==
        "b.txt:1: FL-0000000000000001 has the severity 'fatal'; use error, warning or note");
  CHECK(error_of(kTwoEntries) == "");
}

TEST_CASE("a missing file is an error that says how to make one") {
  CHECK_THROWS_WITH_AS(
      Baseline::read("/nonexistent/baseline"),
      "/nonexistent/baseline: cannot be read (No such file or directory); `faultline gate --update "
      "--reason TEXT` creates a baseline",
      InputError);
  CHECK_THROWS_WITH_AS(
      Baseline::read("/"),
      "/: cannot be read (Is a directory); `faultline gate --update --reason TEXT` creates a baseline",
      InputError);
}

TEST_CASE("writing replaces the file, through a link too") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("baseline-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::string file = folder / "real";
  const std::string link = folder / "link";
  std::ofstream(file).close();
  std::filesystem::create_symlink("real", link);
  Baseline::parse(kTwoEntries, "b").write(link);
  CHECK(std::filesystem::is_symlink(link));
  CHECK(Baseline::read(file).text() == kTwoEntries);
  // What others may do with it stays as it was; nothing is left beside it.
  std::filesystem::permissions(file, std::filesystem::perms(0640));
  Baseline().write(file);
  CHECK(std::filesystem::status(file).permissions() == std::filesystem::perms(0640));
  CHECK(Baseline::read(file).entries().empty());
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 2);
  std::filesystem::create_symlink("loop", folder / "loop");
  for (const std::string& path : {(folder / "missing" / "file").string(), (folder / "loop").string(),
                                  (file + "/below"), folder.string(), std::string("/dev/null")}) {
    CAPTURE(path);
    CHECK_THROWS_AS(Baseline().write(path), InputError);
    if (path != "/dev/null") CHECK_THROWS_AS(Baseline::read(path), InputError);
  }
  CHECK(Baseline::read("/dev/null").entries().empty());
  CHECK(Baseline::read(folder / "none", true).entries().empty());
  CHECK_THROWS_AS(Baseline::read(folder / "none"), InputError);
  std::filesystem::remove_all(folder);
}

TEST_CASE("findings are known, new or gone") {
  const Baseline baseline = Baseline::parse(kTwoEntries, "b");
  std::vector<Finding> findings = {finding("FL-0000000000000001", Severity::Error),
                                   finding("FL-0000000000000003", Severity::Error)};
  const std::vector<GoneFinding> gone = match(baseline, findings);
  CHECK(findings[0].state == State::Known);
  CHECK(findings[1].state == State::New);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].fingerprint == "FL-0000000000000002");
  CHECK(gone[0].title == "c -> d -> c");
}

TEST_CASE("a finding accepted as a warning is new again as an error, and known as a note") {
  const Baseline baseline =
      Baseline::parse("[FL-0000000000000001]\nseverity = warning\nreason = one thread only\n", "b");
  std::vector<Finding> findings = {finding("FL-0000000000000001", Severity::Error)};
  match(baseline, findings);
  CHECK(findings[0].state == State::New);
  findings[0].severity = Severity::Warning;
  match(baseline, findings);
  CHECK(findings[0].state == State::Known);
  findings[0].severity = Severity::Note;
  match(baseline, findings);
  CHECK(findings[0].state == State::Known);
}

TEST_CASE("accepting adds the new findings at or above the level and leaves reasons of known ones alone") {
  Baseline baseline = Baseline::parse(kTwoEntries, "b");
  std::vector<Finding> findings = {
      finding("FL-0000000000000001", Severity::Error), finding("FL-0000000000000003", Severity::Error),
      finding("FL-0000000000000004", Severity::Warning), finding("FL-0000000000000005", Severity::Note)};
  match(baseline, findings);
  CHECK(accept_new(baseline, findings, Severity::Warning, "reviewed\non Monday", "2026-02-01") == 2);
  CHECK(baseline.entries().size() == 4);
  CHECK(baseline.entries().at("FL-0000000000000001").reason == "fixed in the next release = soon");
  const BaselineEntry& fresh = baseline.entries().at("FL-0000000000000003");
  CHECK(fresh.title == "title of FL-0000000000000003");
  CHECK(fresh.severity == "error");
  CHECK(fresh.first_seen == "2026-02-01");
  CHECK(fresh.reason == "reviewed on Monday");
  // What was written can be read, and a second round finds nothing new.
  match(Baseline::parse(baseline.text(), "b"), findings);
  CHECK(findings[1].state == State::Known);
  CHECK(findings[2].state == State::Known);
  CHECK(findings[3].state == State::New);
}

TEST_CASE("accepting a worse form of a known finding keeps its owner and date and takes the new reason") {
  Baseline baseline = Baseline::parse(
      "[FL-0000000000000001]\nseverity = warning\nfirst_seen = 2026-01-01\nowner = me\nreason = one thread "
      "only\n",
      "b");
  std::vector<Finding> findings = {finding("FL-0000000000000001", Severity::Error)};
  match(baseline, findings);
  CHECK(accept_new(baseline, findings, Severity::Error, "two threads now", "2026-02-01") == 1);
  const BaselineEntry& entry = baseline.entries().at("FL-0000000000000001");
  CHECK(entry.severity == "error");
  CHECK(entry.first_seen == "2026-01-01");
  CHECK(entry.owner == "me");
  CHECK(entry.reason == "two threads now");
}
