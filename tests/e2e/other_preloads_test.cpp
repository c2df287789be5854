// Beside other preloads, before them and behind them: both work.
#include <doctest/doctest.h>

#include "report.h"

using namespace faultline::e2e;

namespace {

const std::string kLibraries = "/usr/lib/x86_64-linux-gnu/";
const Expected kAbba = {.verdict = "feasible",
                        .severity = "error",
                        .orders = {{"lock_a", "lock_b", "first_thread", "first_thread"},
                                   {"lock_b", "lock_a", "second_thread", "second_thread"}}};

// Runs `command` natively under `other`, then with the shim before and behind it: same output, same status.
// `traces` gets what the shim left.
void check_beside(const std::string& other, const Arguments& command, const std::string& setting) {
  const auto under = [&](const std::string& preload, const Path& traces) {
    Command watched = preloaded(command, traces);
    watched.environment[0] = "LD_PRELOAD=" + preload;
    watched.environment.push_back(setting);
    return run(watched);
  };
  const Outcome alone = under(other, work_dir() / "none");
  CHECK(traces_in(work_dir() / "none").empty());
  for (const auto& [where, preload] :
       {std::pair<std::string, std::string>("first", FAULTLINE_PRELOAD ":" + other),
        {"last", other + ":" FAULTLINE_PRELOAD}}) {
    INFO("the shim is " << where);
    const Outcome both = under(preload, work_dir() / where);
    CHECK(both.out == alone.out);
    CHECK(both.status == alone.status);
    CHECK(both.err == alone.err);
    CHECK_FALSE(traces_in(work_dir() / where).empty());
  }
}

void check_found(const std::string& other, const std::string& setting) {
  check_beside(other, {program("shapes/abba")}, setting);
  for (const char* where : {"first", "last"}) check_finding(only_finding(analyze(work_dir() / where)), kAbba);
}

}  // namespace

TEST_CASE("beside jemalloc: an order is found") {
  const std::string jemalloc = kLibraries + "libjemalloc.so.2";
  if (!std::filesystem::exists(jemalloc)) return skip("libjemalloc2 is not installed");
  check_found(jemalloc, "MALLOC_CONF=");
}

TEST_CASE("beside jemalloc: forks with locks held, locks in atfork handlers") {
  const std::string jemalloc = kLibraries + "libjemalloc.so.2";
  if (!std::filesystem::exists(jemalloc)) return skip("libjemalloc2 is not installed");
  check_beside(jemalloc, {program("hostile/fork_while_locked")}, "MALLOC_CONF=");
}

TEST_CASE("beside jemalloc: locks in destructors of thread-local data") {
  const std::string jemalloc = kLibraries + "libjemalloc.so.2";
  if (!std::filesystem::exists(jemalloc)) return skip("libjemalloc2 is not installed");
  check_beside(jemalloc, {program("hostile/thread_exit_locks")}, "MALLOC_CONF=");
}

TEST_CASE("beside libfaketime: an order is found") {
  const std::string faketime = kLibraries + "faketime/libfaketimeMT.so.1";
  if (!std::filesystem::exists(faketime)) return skip("libfaketime is not installed");
  check_found(faketime, "FAKETIME=@2001-09-09 01:46:40");
}

TEST_CASE("beside libfaketime: timed waits") {
  const std::string faketime = kLibraries + "faketime/libfaketimeMT.so.1";
  if (!std::filesystem::exists(faketime)) return skip("libfaketime is not installed");
  check_beside(faketime, {program("shapes/abba_timed")}, "FAKETIME=+0");
}
