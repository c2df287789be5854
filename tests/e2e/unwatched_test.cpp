// Programs that cannot be watched, or are not to be: they run as without the shim, and their user is told why
// nothing was seen.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "report.h"

using namespace faultline::e2e;

namespace {

std::string foreign(const std::string& build) {
  return program("hostile/foreign/orders_" + build);
}

Outcome under_faultline(const Arguments& command, Arguments options = {}) {
  Arguments arguments = {"run", "-o", work_dir() / "traces",
                         "--format=json:" + (work_dir() / "report.json").string(), "--format=text"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.push_back("--");
  arguments.insert(arguments.end(), command.begin(), command.end());
  return run(faultline_command(arguments));
}

Json report_of_run() {
  return Json::parse(read_text(work_dir() / "report.json"));
}

bool says(const Outcome& outcome, const std::string& what) {
  return outcome.err.find(what) != std::string::npos;
}

// Runs natively, under the bare preload and under `faultline run`: what it prints and returns must not
// differ. Returns the last one.
Outcome check_same(const Arguments& command) {
  const Outcome native = run(Command{.arguments = command, .environment = {}});
  const Outcome preload = run(preloaded(command, work_dir() / "bare"));
  CHECK(preload.out == native.out);
  CHECK(preload.status == native.status);
  Outcome watched = under_faultline(command);
  INFO(watched.err);
  CHECK(watched.out == native.out);
  CHECK(watched.status == native.status);
  return watched;
}

void check_refused(const Outcome& outcome, const std::string& why) {
  INFO(outcome.err);
  CHECK(says(outcome, "faultline: switched off: " + why));
  CHECK(says(outcome, "Not watched: preload was refused (" + why));
  const Json summary = report_of_run().at("summary");
  CHECK(summary.at("sources").at("preload") == "refused");
  CHECK(summary.at("sources_why").at("preload").get<std::string>().starts_with(why));
  CHECK(summary.at("locks") == 0);
}

void check_unseen(const Outcome& outcome, const std::string& why) {
  INFO(outcome.err);
  CHECK(says(outcome, "faultline: nothing was seen: "));
  CHECK(says(outcome, why));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(traces_in(work_dir() / "traces").empty());
}

// The names of the programs that left traces.
std::vector<std::string> watched_programs() {
  std::vector<std::string> names;
  for (const Path& trace : traces_in(work_dir() / "traces"))
    names.push_back(Path(records_of(trace).at(0).at("exe").get<std::string>()).filename());
  return names;
}

}  // namespace

TEST_CASE("a program on another libc: runs, and is refused") {
  if (!std::filesystem::exists(foreign("musl")))
    return skip("musl-gcc was not there when the tests were built");
  check_refused(check_same({foreign("musl")}), "the program runs on another libc than glibc");
}

TEST_CASE("a child on another libc: runs, its parent is watched") {
  if (!std::filesystem::exists(foreign("musl")))
    return skip("musl-gcc was not there when the tests were built");
  const Outcome outcome =
      under_faultline({"sh", "-c", foreign("musl") + "; " + program("shapes/abba_gated") + "; exit 5"});
  INFO(outcome.err);
  CHECK(outcome.status == 5);
  CHECK(outcome.out.ends_with("child: 4\n"));
  const Json summary = report_of_run().at("summary");
  CHECK(summary.at("processes") == 3);
  CHECK(summary.at("sources").at("preload") == "refused");
  CHECK(summary.at("findings").at("note") == 1);
}

TEST_CASE("a program with ThreadSanitizer: runs, and is refused") {
  check_refused(check_same({foreign("tsan")}), "the program is built with ThreadSanitizer");
}

TEST_CASE("a program with AddressSanitizer: watched under run") {
  const Outcome native = run(Command{.arguments = {foreign("asan")}, .environment = {}});
  const Outcome watched = under_faultline({foreign("asan")});
  INFO(watched.err);
  CHECK(watched.out == native.out);
  CHECK(watched.status == native.status);
  const Json report = report_of_run();
  REQUIRE(report.at("findings").size() == 1);
  check_finding(report.at("findings").at(0),
                {.verdict = "ordered",
                 .severity = "note",
                 .orders = {{"lock_a", "lock_b", "first_thread", "first_thread"},
                            {"lock_b", "lock_a", "second_thread", "second_thread"}}});
}

TEST_CASE("a program with AddressSanitizer: its own options stay") {
  Command command = faultline_command(
      {"run", "-o", work_dir() / "traces", "--", "sh", "-c", "printf %s \"$ASAN_OPTIONS\""});
  CHECK(run(command).out == "verify_asan_link_order=0");
  command.environment = {"ASAN_OPTIONS=exitcode=9"};
  CHECK(run(command).out == "exitcode=9:verify_asan_link_order=0");
  command.environment = {"ASAN_OPTIONS=verify_asan_link_order=1"};
  CHECK(run(command).out == "verify_asan_link_order=1");
}

TEST_CASE("a static program: one line says so") {
  check_unseen(check_same({foreign("static")}), "orders_static left no trace in ");
  check_unseen(under_faultline({foreign("static")}), "it is linked statically");
}

TEST_CASE("a program that gains privileges: one line says so") {
  constexpr uid_t kSomebodyElse = 65534;
  const Path copy = work_dir() / "privileged";
  std::filesystem::copy_file(program("shapes/abba"), copy);
  if (geteuid() == kSomebodyElse || chown(copy.c_str(), kSomebodyElse, static_cast<gid_t>(-1)) != 0 ||
      chmod(copy.c_str(), 04755) != 0)
    return skip("not allowed to make a file of another user");
  check_unseen(under_faultline({copy}), "it gains privileges when it starts");
}

TEST_CASE("a program that drops the preload: one line says so") {
  check_unseen(under_faultline({"env", "-i", "/bin/true"}, {"--exclude=env"}),
               "no program that ran is among those that --include and --exclude leave");
  CHECK(under_faultline({"env", "-i", program("shapes/abba")}).status == 0);
  CHECK(watched_programs() == std::vector<std::string>{"env"});
}

TEST_CASE("include and exclude: a shell that starts two programs") {
  const std::string gated = program("shapes/abba_gated");
  const std::string joined = program("shapes/abba_joined");
  const Arguments shell = {"sh", "-c", gated + "; " + joined + "; true"};
  const std::string sh = std::filesystem::canonical("/bin/sh").filename();
  const auto watched_with = [&](const Arguments& options) {
    std::filesystem::remove_all(work_dir() / "traces");
    CHECK(under_faultline(shell, options).status == 0);
    return watched_programs();
  };
  using Names = std::vector<std::string>;
  CHECK(watched_with({}) == Names{"abba_gated", "abba_joined", sh});
  CHECK(watched_with({"--include=abba_*"}) == Names{"abba_gated", "abba_joined"});
  CHECK(watched_with({"--include=abba_*", "--exclude=*_joined,nothing"}) == Names{"abba_gated"});
  CHECK(watched_with({"--exclude=abba_gate?"}) == Names{"abba_joined", sh});
  CHECK(watched_with({"--include=" + joined}) == Names{"abba_joined"});
  CHECK(watched_with({"--include=*/shapes/*"}) == Names{"abba_gated", "abba_joined"});
  CHECK(watched_with({"--include=shapes"}).empty());
}
