#include "harness.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

namespace faultline::e2e {

namespace {

Path current_dir;

std::string file_name_of(std::string test_case) {
  std::replace_if(
      test_case.begin(), test_case.end(),
      [](char c) { return c != '_' && !std::isalnum(static_cast<unsigned char>(c)); }, '-');
  return test_case.substr(0, 100);
}

// doctest takes a comma for the end of a filter.
std::string as_filter(const std::string& test_case) {
  std::string filter;
  for (const char c : test_case) filter += c == ',' ? std::string("\\,") : std::string(1, c);
  return filter;
}

// Gives each test case its directory, and takes it away when the test case has passed.
struct WorkDirs : doctest::IReporter {
  explicit WorkDirs(const doctest::ContextOptions&) {}

  void test_case_start(const doctest::TestCaseData& test) override {
    name_ = test.m_name;
    std::string pattern = Path(FAULTLINE_WORK_DIR) / (file_name_of(name_) + ".XXXXXX");
    std::filesystem::create_directories(FAULTLINE_WORK_DIR);
    if (!mkdtemp(pattern.data())) throw std::system_error(errno, std::generic_category(), pattern);
    current_dir = pattern;
  }

  void test_case_end(const doctest::CurrentTestCaseStats& result) override {
    if (result.failure_flags == 0) {
      std::filesystem::remove_all(current_dir);
      return;
    }
    const Path self = std::filesystem::read_symlink("/proc/self/exe");
    std::cout << "\nkept:  " << current_dir.string() << " (commands, output, traces)\nagain: " << quoted(self)
              << ' ' << quoted("--test-case=" + as_filter(name_)) << '\n';
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  std::string name_;
};
REGISTER_LISTENER("work directories", 1, WorkDirs);

}  // namespace

const Path& work_dir() {
  return current_dir;
}

std::string program(const std::string& name) {
  return Path(FAULTLINE_TESTPROGS) / name;
}

Command preloaded(const Arguments& arguments, const Path& traces, const std::string& options) {
  const char* further = std::getenv("FAULTLINE_TEST_OPTIONS");
  std::string all = "FAULTLINE_OPTIONS=out=" + traces.string();
  for (const std::string& more : {std::string(further != nullptr ? further : ""), options})
    if (!more.empty()) all += ":" + more;
  return {.arguments = arguments, .environment = {"LD_PRELOAD=" FAULTLINE_PRELOAD, all}};
}

Command faultline_command(const Arguments& arguments) {
  Command command{.arguments = {FAULTLINE_COMMAND}, .environment = {}};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return command;
}

Outcome run(const Command& command) {
  Outcome outcome = run(command, work_dir());
  INFO(outcome.command);
  INFO(outcome.err);
  REQUIRE_FALSE(outcome.timed_out);
  return outcome;
}

bool skipped(const Outcome& outcome) {
  if (outcome.status != 77) return false;
  const std::string said = outcome.out + outcome.err;
  const size_t start = said.find("skipped: ");
  REQUIRE(start != std::string::npos);
  std::cout << '\n' << said.substr(start) << std::endl;
  return true;
}

void skip(const std::string& why) {
  std::cout << "\nskipped: " << why << std::endl;
}

std::vector<Path> traces_in(const Path& directory) {
  std::vector<Path> traces;
  if (!std::filesystem::exists(directory)) return traces;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".jsonl") traces.push_back(entry.path());
  std::sort(traces.begin(), traces.end());
  return traces;
}

std::vector<Json> records_of(const Path& trace) {
  std::ifstream in(trace);
  std::vector<Json> records;
  for (std::string line; std::getline(in, line);) {
    // A process that was killed leaves NUL bytes where the next record would have begun.
    line.erase(0, line.find_first_not_of('\0'));
    if (!line.empty()) records.push_back(Json::parse(line));
  }
  return records;
}

std::string read_text(const Path& file) {
  std::ifstream in(file, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const Path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  REQUIRE(out.good());
}

}  // namespace faultline::e2e
