// What the analyzer makes of traces that are cut short, damaged, or none: one clear line, never a crash,
// never silence.
#include <doctest/doctest.h>

#include <algorithm>

#include "report.h"

using namespace faultline::e2e;

namespace {

// A real trace of AB/BA, the only one in its directory.
Path abba_trace() {
  const Path traces = work_dir() / "traces";
  REQUIRE(run(preloaded({program("shapes/abba")}, traces)).status == 0);
  const std::vector<Path> found = traces_in(traces);
  REQUIRE(found.size() == 1);
  return found[0];
}

size_t start_of_line(const std::string& text, size_t number) {
  size_t start = 0;
  for (size_t line = 1; line < number; ++line) start = text.find('\n', start) + 1;
  return start;
}

size_t count_lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Where a message speaks of a line of a file.
std::string place(const Path& file, size_t line) {
  return file.string() + ":" + std::to_string(line) + ":";
}

// The report's only warning speaks of `line` of `trace`, in JSON and in the text for people.
void check_warned(const Report& report, const Path& trace, size_t line, const std::string& what) {
  const Json& warnings = report.summary().at("warnings");
  INFO(warnings.dump(2));
  REQUIRE(warnings.size() == 1);
  const std::string warning = warnings[0];
  CHECK(warning.starts_with(place(trace, line)));
  CHECK(warning.find(what) != std::string::npos);
  const Outcome text = run(faultline_command({"analyze", trace}));
  CHECK(text.status == report.status);
  CHECK(text.out.find("Warning:") != std::string::npos);
}

void check_refused(const Path& path, const std::string& what) {
  const Report report = analyze(path);
  INFO(report.text);
  CHECK(report.status == 2);
  CHECK(report.json.is_null());
  CHECK(report.text.find(what) != std::string::npos);
  CHECK(count_lines(report.text) == 1);
}

}  // namespace

TEST_CASE("trace of a program ended by SIGKILL: its finding is there") {
  const Report report = observe("shapes/abba_then_sigkill", 128 + 9);
  check_finding(only_finding(report), {.verdict = "feasible",
                                       .severity = "error",
                                       .orders = {{"lock_a", "lock_b", "first_thread", "first_thread"},
                                                  {"lock_b", "lock_a", "second_thread", "second_thread"}}});
}

TEST_CASE("truncated trace: a warning with its line, and what precedes it counts") {
  const Path trace = abba_trace();
  const std::string text = read_text(trace);
  const size_t lines = count_lines(text);
  write_text(trace, text.substr(0, text.size() - 5));
  const Report report = analyze(trace);
  CHECK(report.status == 1);
  CHECK(report.findings().size() == 1);
  check_warned(report, trace, lines, "cut off");
}

TEST_CASE("whole trace: no warning") {
  const Report report = analyze(abba_trace());
  CHECK(report.status == 1);
  CHECK(report.summary().at("warnings").empty());
  CHECK(report.text.empty());
}

TEST_CASE("record torn by the moment of death: a warning, and the rest counts") {
  const Path trace = abba_trace();
  std::string text = read_text(trace);
  const size_t last = count_lines(text);
  text[start_of_line(text, last)] = '\0';
  write_text(trace, text);
  const Report report = analyze(trace);
  CHECK(report.status == 1);
  CHECK(report.findings().size() == 1);
  check_warned(report, trace, last, "torn");
}

TEST_CASE("garbled line in the middle: refused, by file and line") {
  const Path trace = abba_trace();
  std::string text = read_text(trace);
  const size_t line = count_lines(text) / 2;
  const size_t start = start_of_line(text, line);
  std::fill(text.begin() + static_cast<std::ptrdiff_t>(start),
            text.begin() + static_cast<std::ptrdiff_t>(text.find('\n', start)), 'x');
  write_text(trace, text);
  check_refused(trace, place(trace, line));
}

TEST_CASE("lost line in the middle: refused, by file and line of what names it") {
  const Path trace = abba_trace();
  std::string text = read_text(trace);
  const size_t lock = text.find(R"({"t":"lock")");
  REQUIRE(lock != std::string::npos);
  text.erase(lock, text.find('\n', lock) + 1 - lock);
  write_text(trace, text);
  check_refused(trace, trace.string() + ":");
}

TEST_CASE("trace of another version: refused, both versions named") {
  const Path trace = abba_trace();
  std::string text = read_text(trace);
  const std::string version = R"("version":1)";
  text.replace(text.find(version), version.size(), R"("version":7)");
  write_text(trace, text);
  check_refused(trace, place(trace, 1));
  CHECK(analyze(trace).text.find("version 7") != std::string::npos);
}

TEST_CASE("file that is no trace: refused") {
  const Path text = work_dir() / "notes.jsonl";
  write_text(text, "{\"name\":\"a\"}\n{\"name\":\"b\"}\n");
  check_refused(text, place(text, 1));
  const Path binary = work_dir() / "binary.jsonl";
  write_text(binary, std::string("\x7f"
                                 "ELF\x02\x01\x01\x00\n\xff\xfe",
                                 10));
  check_refused(binary, place(binary, 1));
}

TEST_CASE("folder without a trace, and no folder at all: refused") {
  const Path empty = work_dir() / "empty";
  std::filesystem::create_directory(empty);
  check_refused(empty, empty.string());
  const Path missing = work_dir() / "missing";
  check_refused(missing, missing.string());
}
