// `faultline run` and `faultline gate` as scripts use them: exit statuses, what is said where, and what is
// remembered.
#include <doctest/doctest.h>

#include <set>

#include "report.h"

using namespace faultline::e2e;

namespace {

Outcome run_under_faultline(const Arguments& program_and_arguments, const Arguments& options = {}) {
  Arguments arguments = {"run", "-o", work_dir() / "traces"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.push_back("--");
  arguments.insert(arguments.end(), program_and_arguments.begin(), program_and_arguments.end());
  return run(faultline_command(arguments));
}

Outcome gate(const Arguments& options = {}) {
  Arguments arguments = {"gate", "--baseline", work_dir() / "baseline"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.push_back(work_dir() / "traces");
  return run(faultline_command(arguments));
}

void trace(const std::string& name) {
  REQUIRE(run(preloaded({program(name)}, work_dir() / "traces")).status == 0);
}

constexpr char kAbbaTitle[] = "lock_a -> lock_b -> lock_a";

bool says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("run: 66 where the program succeeds and an order is wrong; the report on standard error") {
  const Outcome outcome = run_under_faultline({program("shapes/abba")});
  INFO(outcome.err);
  CHECK(outcome.status == 66);
  CHECK(says(outcome.err, kAbbaTitle));
  CHECK(outcome.out.empty());
}

TEST_CASE("run: 0 where the program succeeds and nothing is wrong") {
  const Outcome outcome = run_under_faultline({program("shapes/held_3000")});
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "held 3000\n");
}

TEST_CASE("run: 0 in spite of findings below the level asked for") {
  CHECK(run_under_faultline({program("shapes/abba")}, {"--fail-on=never"}).status == 0);
  CHECK(run_under_faultline({program("shapes/abba_same_thread")}).status == 0);
  CHECK(run_under_faultline({program("shapes/abba_same_thread")}, {"--fail-on=warning"}).status == 66);
}

TEST_CASE("run: the program's own status, findings or not") {
  CHECK(run_under_faultline({"sh", "-c", "exit 3"}).status == 3);
  const Outcome outcome = run_under_faultline({"sh", "-c", program("shapes/abba") + "; exit 3"});
  CHECK(outcome.status == 3);
  CHECK(says(outcome.err, kAbbaTitle));
}

TEST_CASE("run: 128 and the signal that ended the program") {
  CHECK(run_under_faultline({"sh", "-c", "kill -TERM $$"}).status == 128 + 15);
  CHECK(run_under_faultline({program("shapes/abba_then_sigkill")}).status == 128 + 9);
}

TEST_CASE("run: 127 where there is no such program, 126 where it cannot be executed") {
  const Outcome missing = run_under_faultline({work_dir() / "no-such-program"});
  CHECK(missing.status == 127);
  CHECK(says(missing.err, "no-such-program"));
  const Path text = work_dir() / "not-executable";
  write_text(text, "echo\n");
  const Outcome refused = run_under_faultline({text});
  CHECK(refused.status == 126);
  CHECK(says(refused.err, "not-executable"));
}

TEST_CASE("run: only the traces of this run are judged") {
  CHECK(run_under_faultline({program("shapes/abba")}).status == 66);
  CHECK(run_under_faultline({program("shapes/spin_ranked")}).status == 0);
}

TEST_CASE("gate: an empty baseline names the new cycle, and knows it after an update with a reason") {
  trace("shapes/abba");
  write_text(work_dir() / "baseline", "");
  const Outcome first = gate();
  INFO(first.out << first.err);
  CHECK(first.status == 1);
  CHECK(says(first.out + first.err, kAbbaTitle));

  CHECK(gate({"--update", "--reason", "known since the first release"}).status == 0);
  CHECK(says(read_text(work_dir() / "baseline"), "known since the first release"));
  CHECK(gate().status == 0);
}

TEST_CASE("gate: a cycle that is not in the baseline is new in spite of one that is") {
  trace("shapes/abba");
  CHECK(gate({"--update", "--reason", "known"}).status == 0);
  trace("shapes/spin_abba");
  const Outcome second = gate();
  INFO(second.out << second.err);
  CHECK(second.status == 1);
  CHECK(says(second.out + second.err, "spin_a -> spin_b -> spin_a"));
}

TEST_CASE("gate: a baseline that is not there is refused, not taken for an empty one") {
  trace("shapes/abba");
  const Outcome outcome = gate();
  CHECK(outcome.status == 2);
  CHECK(says(outcome.err, (work_dir() / "baseline").string()));
  CHECK(says(outcome.err, "--update"));
}

TEST_CASE("gate: no update without a reason, no gate without traces") {
  trace("shapes/abba");
  CHECK(gate({"--update"}).status == 2);
  CHECK_FALSE(std::filesystem::exists(work_dir() / "baseline"));
  write_text(work_dir() / "baseline", "");
  std::filesystem::remove_all(work_dir() / "traces");
  std::filesystem::create_directory(work_dir() / "traces");
  CHECK(gate().status == 2);
}

TEST_CASE("gate: a preload that saw no lock proves nothing, unless that is allowed") {
  REQUIRE(run(preloaded({"true"}, work_dir() / "traces")).status == 0);
  REQUIRE_FALSE(traces_in(work_dir() / "traces").empty());
  write_text(work_dir() / "baseline", "");
  CHECK(gate().status == 2);
  CHECK(gate({"--allow-incomplete"}).status == 0);
}

TEST_CASE("gate: lost records prove nothing, unless that is allowed") {
  trace("shapes/spin_ranked");
  const Path file = traces_in(work_dir() / "traces").at(0);
  write_text(work_dir() / "baseline", "");
  CHECK(gate().status == 0);

  std::string text = read_text(file);
  const std::string none = R"("held":           0)";
  text.replace(text.find(none), none.size(), R"("held":           3)");
  write_text(file, text);
  const Outcome outcome = gate();
  INFO(outcome.out << outcome.err);
  CHECK(outcome.status == 2);
  CHECK(says(outcome.out + outcome.err, "held"));
  CHECK(gate({"--allow-incomplete"}).status == 0);
}

TEST_CASE("fingerprint: the same on 20 runs at different addresses") {
  std::set<std::string> fingerprints;
  std::set<std::string> addresses;
  for (int i = 0; i < 20; ++i) {
    const Path traces = work_dir() / std::to_string(i);
    REQUIRE(run(preloaded({program("shapes/abba")}, traces)).status == 0);
    const Report report = analyze(traces);
    fingerprints.insert(only_finding(report).at("fingerprint").get<std::string>());
    for (const Json& record : records_of(traces_in(traces).at(0)))
      if (record.at("t") == "lock") addresses.insert(record.at("addr").get<std::string>());
  }
  CHECK(fingerprints.size() == 1);
  // Two locks a run, nowhere twice: else address randomisation is off and this proves nothing.
  CHECK(addresses.size() > 2);
}

TEST_CASE("usage: an unknown command, option or level is refused") {
  CHECK(run(faultline_command({"no-such-command"})).status == 2);
  CHECK(run(faultline_command({"analyze", "--no-such-option", "."})).status == 2);
  CHECK(run(faultline_command({"analyze", "--fail-on=sometimes", "."})).status == 2);
  CHECK(run(faultline_command({"analyze"})).status == 2);
  CHECK(run(faultline_command({"--version"})).status == 0);
  CHECK(run(faultline_command({"--help"})).status == 0);
}
