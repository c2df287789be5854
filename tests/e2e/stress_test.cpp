// Everything at once for a while: 10 seconds, or 60 where FAULTLINE_LONG is 1 (`./dev test --long`).
// Registered in CMakeLists.txt under its own label; by hand: e2e_tests --no-skip --test-case='stress: *'.
#include <doctest/doctest.h>

#include <cstdlib>

#include "report.h"

using namespace faultline::e2e;

namespace {

Arguments stress(int seed, int seconds) {
  return {program("hostile/stress"), std::to_string(seed), std::to_string(seconds),
          program("hostile/libstress_plugin.so")};
}

void check_passed(Command command, int seconds) {
  command.timeout = std::chrono::seconds(2 * seconds + 120);
  const Outcome outcome = run(command);
  INFO(outcome.command);
  CHECK(outcome.out == "counters agree: yes\n");
  CHECK(outcome.err == "");
  CHECK(outcome.status == 0);
}

bool is_long() {
  const char* wanted = std::getenv("FAULTLINE_LONG");
  return wanted != nullptr && std::string(wanted) == "1";
}

}  // namespace

TEST_CASE("stress: locks of every sort, signals, forks, cancellation and libraries at once" *
          doctest::skip()) {
  const int seconds = is_long() ? 60 : 10;
  check_passed(Command{.arguments = stress(1, 3), .environment = {}}, 3);
  const Path traces = work_dir() / "traces";
  check_passed(preloaded(stress(2, seconds), traces), seconds);

  // Its own and those of its children: whole, and without a false alarm.
  const std::size_t processes = traces_in(traces).size();
  CHECK(processes > 1);
  const Report report = analyze(traces);
  INFO(report.text);
  REQUIRE(report.status == 0);
  CHECK(report.summary().at("processes") == processes);
  CHECK(report.summary().at("warnings").empty());
  CHECK(report.summary().at("edges") > 0);
  INFO(report.findings().dump(2));
  CHECK(report.findings().empty());
  // A handler that interrupts the shim at work passes through it: only that may be lost.
  for (const auto& [cause, count] : report.summary().at("lost").items())
    if (cause != "reentered") CHECK_MESSAGE(count == 0, cause);
}
