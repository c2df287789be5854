// Programs that really deadlock, and their twins that nearly do: noticed when it happens, under `faultline
// run`, which ends them, and under a bare preload, which only says so.
#include <doctest/doctest.h>

#include <algorithm>

#include "report.h"

using namespace faultline::e2e;

namespace {

// What `faultline run` made of a program: how it ended, and the report on it.
struct Ended {
  Outcome outcome;
  Report report;
};

Ended run_to_its_end(const std::string& name, const Arguments& arguments = {}) {
  const Path traces = work_dir() / "run";
  Arguments all = {"run", "-o", traces, "--", program("shapes/" + name)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  Command command = faultline_command(all);
  command.timeout = std::chrono::seconds(15);
  Ended ended{run(command), {}};
  if (ended.outcome.status != 77) ended.report = analyze(traces);
  return ended;
}

// The only finding of a program that `faultline run` had to end.
Json deadlock_of(const std::string& name) {
  const Ended ended = run_to_its_end(name);
  INFO(ended.outcome.err);
  CHECK(ended.outcome.status == 66);
  CHECK(ended.outcome.err.find("faultline: deadlock: ") != std::string::npos);
  CHECK(ended.outcome.err.find("the program is ended with status 66") != std::string::npos);
  const Json finding = only_finding(ended.report);
  CHECK(finding.at("kind") == "deadlock");
  CHECK(finding.at("severity") == "error");
  return finding;
}

void check_observed(const std::string& name, const std::vector<Order>& orders) {
  check_finding(deadlock_of(name),
                {.kind = "deadlock", .verdict = "observed", .severity = "error", .orders = orders});
}

// A deadlock that is no cycle: its title, and a function on the stack of each wait.
void check_no_cycle(const std::string& name, const std::string& title,
                    const std::vector<std::string>& functions) {
  const Json finding = deadlock_of(name);
  INFO(finding.dump(2));
  CHECK(finding.at("verdict") == nullptr);
  CHECK(finding.at("title") == title);
  CHECK(finding.at("waits").size() == functions.size());
  for (const std::string& function : functions) {
    INFO(function);
    const auto& waits = finding.at("waits");
    CHECK(std::any_of(waits.begin(), waits.end(),
                      [&](const Json& wait) { return has_function(wait.at("at"), function); }));
  }
}

// A program that ends by itself, with nothing said of a deadlock.
Report runs_through(const std::string& name, const std::string& output, const Arguments& arguments = {}) {
  const Ended ended = run_to_its_end(name, arguments);
  INFO(ended.outcome.err);
  CHECK(ended.outcome.out == output);
  CHECK((ended.outcome.status == 0 || !ended.report.of_severity("error").empty()));
  CHECK(ended.outcome.err.find("faultline: deadlock") == std::string::npos);
  for (const Json& finding : ended.report.findings()) CHECK(finding.at("kind") != "deadlock");
  return ended.report;
}

}  // namespace

TEST_CASE("deadlock abba: observed, and the program is ended") {
  check_observed("deadlock_abba", {{"lock_a", "lock_b", "first_thread", "first_thread"},
                                   {"lock_b", "lock_a", "second_thread", "second_thread"}});
}

TEST_CASE("deadlock abba, bare preload: told at once, and left as it is") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome =
      run({.arguments = {"timeout", "--signal=KILL", "2", program("shapes/deadlock_abba")},
           .environment = {"LD_PRELOAD=" FAULTLINE_PRELOAD, "FAULTLINE_OPTIONS=out=" + traces.string()}});
  CHECK(outcome.status == 137);
  CHECK(outcome.err.find("faultline: deadlock: threads wait for each other\n") != std::string::npos);
  CHECK(outcome.err.find("ended") == std::string::npos);
  const Report report = analyze(traces);
  CHECK(only_finding(report).at("verdict") == "observed");
}

TEST_CASE("deadlock abba, on_deadlock=report under run: left as it is") {
  const Outcome outcome =
      run({.arguments = {"timeout", "--signal=KILL", "2", FAULTLINE_COMMAND, "run", "--on-deadlock=report",
                         "-o", work_dir() / "traces", "--", program("shapes/deadlock_abba")},
           .environment = {}});
  CHECK(outcome.status == 137);
  CHECK(outcome.err.find("faultline: deadlock: threads wait for each other\n") != std::string::npos);
}

TEST_CASE("deadlock abba, one of the two waits for a limited time: not noticed as one") {
  runs_through("deadlock_abba_timed", "gave way\n");
}

TEST_CASE("deadlock ring of three: observed") {
  check_observed("deadlock_ring3", {{"lock_a", "lock_b", "first_thread", "first_thread"},
                                    {"lock_b", "lock_c", "second_thread", "second_thread"},
                                    {"lock_c", "lock_a", "third_thread", "third_thread"}});
}

TEST_CASE("queue of three: silent") {
  CHECK(runs_through("deadlock_queue3", "").findings().empty());
}

TEST_CASE("lock given back by another thread and not missed yet: not noticed as a deadlock") {
  runs_through("deadlock_handed_over", "");
}

TEST_CASE("deadlock abba over a lock type of the program's own: observed") {
  check_observed("deadlock_own_lock", {{"lock_a", "lock_b", "first_thread", "first_thread"},
                                       {"lock_b", "lock_a", "second_thread", "second_thread"}});
}

TEST_CASE("abba over a lock type of the program's own, a third thread gives one up: not noticed") {
  runs_through("deadlock_own_lock", "", {"handed-over"});
}

TEST_CASE("deadlock of one thread with itself: observed") {
  check_observed("deadlock_self", {{"lock_a", "lock_a", "main", "callback"}});
}

TEST_CASE("recursive and error-checking mutexes taken again: not noticed as deadlocks") {
  runs_through("deadlock_self_recursive", "refused\n");
}

TEST_CASE("deadlock of a reader and a writer: observed") {
  check_observed("deadlock_rwlock", {{"table_lock", "index_lock", "first_thread", "first_thread"},
                                     {"index_lock", "table_lock", "second_thread", "second_thread"}});
}

TEST_CASE("two readers in both orders: not noticed as a deadlock") {
  runs_through("deadlock_rwlock_readers", "");
}

TEST_CASE("deadlock of two readers that want to write: each with itself") {
  check_observed("deadlock_upgrade", {{"table_lock", "table_lock", "update", "update"}});
}

TEST_CASE("deadlock of a spinning thread: observed") {
  check_observed("deadlock_spin", {{"lock_a", "lock_b", "first_thread", "first_thread"},
                                   {"lock_b", "lock_a", "second_thread", "second_thread"}});
}

TEST_CASE("spin lock contended under a mutex: silent") {
  CHECK(runs_through("deadlock_spin_contended", "").findings().empty());
}

TEST_CASE("deadlock of a joiner: observed") {
  const Json finding = deadlock_of("deadlock_join");
  CHECK(finding.at("verdict") == "observed");
  CHECK(finding.at("title") == "lock_a -> thread(worker) -> lock_a");
  CHECK(edges_between(finding, "lock_a", "thread(worker)").at(0).at("cause") == "join");
  CHECK(has_function(edges_between(finding, "thread(worker)", "lock_a").at(0).at("at"), "worker"));
}

TEST_CASE("lock released before the join: silent") {
  CHECK(runs_through("deadlock_join_released", "").findings().empty());
}

TEST_CASE("deadlock: the lock is a signal handler's that interrupted the join: nothing") {
  CHECK(runs_through("deadlock_join_handler", "").findings().empty());
}

TEST_CASE("deadlock of an initialiser: observed") {
  check_observed("deadlock_once", {{"once", "config_lock", "first_thread", "load_config"},
                                   {"config_lock", "once", "second_thread", "second_thread", "once"}});
}

TEST_CASE("deadlock of three threads that join each other: each waits for an end") {
  const Json finding = deadlock_of("stall_joined_on_each_other");
  CHECK(finding.at("verdict") == "observed");
  CHECK(finding.at("waits").size() == 3);
}

TEST_CASE("mutex given up by another thread than the one that waits with it: told once, and runs through") {
  const Ended ended = run_to_its_end("deadlock_mutex_as_signal");
  INFO(ended.outcome.err);
  CHECK(ended.outcome.out == "done\n");
  CHECK(ended.outcome.err.find("program is ended") == std::string::npos);
  const std::size_t told = ended.outcome.err.find("faultline: deadlock");
  CHECK(ended.outcome.err.find("faultline: deadlock", told + 1) == std::string::npos);
}

TEST_CASE("lock whose holder has ended: told") {
  check_no_cycle("deadlock_holder_exited", "lock_a left locked", {"main"});
}

TEST_CASE("spin lock whose holder ends while another thread spins: told") {
  check_no_cycle("deadlock_holder_exits", "lock_a left locked", {"main"});
}

TEST_CASE("robust lock whose holder has ended: silent") {
  CHECK(runs_through("deadlock_holder_exited_robust", "owner died\n").findings().empty());
}

TEST_CASE("fault whose server wants the faulting thread's lock: observed") {
  const Ended ended = run_to_its_end("uffd_deadlock");
  if (skipped(ended.outcome)) return;
  CHECK(ended.outcome.status == 66);
  const Json finding = only_finding(ended.report);
  CHECK(finding.at("title") == "table_lock -> table_lock");
  check_finding(finding, {.kind = "deadlock",
                          .verdict = "observed",
                          .severity = "error",
                          .orders = {{"table_lock", "table_lock", "read_entry", "fetch_page", "service"}}});
}

TEST_CASE(
    "fault that nobody reads, as its only server waits for a lock that the faulting thread holds: observed") {
  const Ended ended = run_to_its_end("uffd_deadlock_unread");
  if (skipped(ended.outcome)) return;
  CHECK(ended.outcome.status == 66);
  const Json finding = only_finding(ended.report);
  CHECK(finding.at("kind") == "deadlock");
  CHECK(finding.at("verdict") == "observed");
  CHECK(finding.at("title") == "table_lock -> table_lock");
  CHECK(finding.at("why").get<std::string>().find(
            "waits in a page fault for service(uffd), served by thread") != std::string::npos);
}

TEST_CASE("server that waits long for a lock whose holder does not fault: silent") {
  const Ended ended = run_to_its_end("uffd_deadlock_unread", {"untouched"});
  if (skipped(ended.outcome)) return;
  CHECK(ended.outcome.status == 0);
  CHECK(ended.outcome.out == "read x\n");
  check_silent(ended.report);
}

TEST_CASE("stall, the notification came before the wait: told with what each waits for") {
  check_no_cycle("stall_lost_wakeup", "all wait: condition in consumer, thread in main",
                 {"consumer", "main"});
}

TEST_CASE("stall, the main thread has left: told") {
  check_no_cycle("stall_main_left", "all wait: condition in consumer", {"consumer"});
}

TEST_CASE("stall on semaphores: told") {
  check_no_cycle("stall_semaphore",
                 "all wait: semaphore in first_thread, semaphore in second_thread, thread in main",
                 {"first_thread", "second_thread", "main"});
}

TEST_CASE("stall at a barrier: told") {
  check_no_cycle("stall_barrier", "all wait: barrier in arrive, thread in main",
                 {"arrive", "arrive", "main"});
}

TEST_CASE("threads that wait for each other in turns: silent") {
  SUBCASE("conditions") {
    CHECK(runs_through("stall_woken", "turns 100000\n").findings().empty());
  }
  SUBCASE("semaphores") {
    CHECK(runs_through("stall_semaphore_handed_over", "done\n").findings().empty());
  }
  SUBCASE("barrier") {
    CHECK(runs_through("stall_barrier_phases", "done\n").findings().empty());
  }
}

TEST_CASE("all threads wait, but a timer's signal handler wakes one: silent") {
  CHECK(runs_through("stall_signal_handler", "tick\n").findings().empty());
}

TEST_CASE("all threads but one wait, and that one reads a pipe: silent") {
  CHECK(runs_through("stall_reader_left", "done\n").findings().empty());
}
