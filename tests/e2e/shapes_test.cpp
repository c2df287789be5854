// Lock shapes over mutexes and spin locks, each with its twin that must stay silent.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "report.h"

using namespace faultline::e2e;

namespace {

// What every plain AB/BA program must give.
const Expected kAbba = {.verdict = "feasible",
                        .severity = "error",
                        .orders = {{"lock_a", "lock_b", "first_thread", "first_thread"},
                                   {"lock_b", "lock_a", "second_thread", "second_thread"}}};

// The same cycle, explained.
Expected explained(const std::string& verdict, const std::string& severity = "note") {
  Expected expected = kAbba;
  expected.verdict = verdict;
  expected.severity = severity;
  return expected;
}

// Whether the edge is what `function` did, and `other` had no part in it.
bool is_by(const Json& edge, const std::string& function, const std::string& other) {
  bool by = true;
  for (const char* side : {"held_at", "at"})
    by = by && has_function(edge.at(side), function) && !has_function(edge.at(side), other);
  return by;
}

}  // namespace

TEST_CASE("abba: found") {
  const Report report = observe("shapes/abba");
  const Json finding = only_finding(report);
  check_finding(finding, kAbba);
  CHECK(finding.at("title") == "lock_a -> lock_b -> lock_a");
  CHECK(report.summary().at("threads") == 3);
  CHECK(report.summary().at("locks") == 2);
}

TEST_CASE("abba, free locks left to libc: found") {
  const Path traces = work_dir() / "traces";
  REQUIRE(run(preloaded({program("shapes/abba")}, traces, "inline_locks=0")).status == 0);
  check_finding(only_finding(analyze(traces)), kAbba);
}

TEST_CASE("abba, both stacks: file, line and module of the source") {
  const Json finding = only_finding(observe("shapes/abba"));
  for (const char* side : {"held_at", "at"}) {
    const Json stack = edges_between(finding, "lock_a", "lock_b").at(0).at(side);
    bool in_source = false;
    for (const Json& frame : stack)
      if (frame.at("function").get<std::string>().starts_with("first_thread")) {
        in_source = frame.at("file").get<std::string>().ends_with("shapes/abba.cpp") &&
                    frame.at("line") > 0 && frame.at("module").get<std::string>().ends_with("abba");
      }
    INFO(stack.dump(2));
    CHECK(in_source);
  }
}

TEST_CASE("abba in C: found") {
  check_finding(only_finding(observe("shapes/abba_c")), kAbba);
}

TEST_CASE("abba, a common gate: gated") {
  check_finding(only_finding(observe("shapes/abba_gated")), explained("gated"));
}

TEST_CASE("abba, first thread joined before the second is created: ordered") {
  check_finding(only_finding(observe("shapes/abba_joined")), explained("ordered"));
}

TEST_CASE("abba, AB before the thread of BA is created: ordered") {
  Expected expected = explained("ordered");
  expected.orders[0] = {"lock_a", "lock_b", "prepare", "prepare"};
  check_finding(only_finding(observe("shapes/abba_created_after")), expected);
}

TEST_CASE("abba, AB after the thread of BA is created: found") {
  Expected expected = kAbba;
  expected.orders[0] = {"lock_a", "lock_b", "prepare", "prepare"};
  check_finding(only_finding(observe("shapes/abba_created_before")), expected);
}

TEST_CASE("abba, ordered by a chain of joins: ordered") {
  Expected expected = explained("ordered");
  expected.orders[1] = {"lock_b", "lock_a", "third_thread", "third_thread"};
  check_finding(only_finding(observe("shapes/join_chain")), expected);
}

TEST_CASE("abba, joins too late to order: found") {
  Expected expected = kAbba;
  expected.orders[1] = {"lock_b", "lock_a", "third_thread", "third_thread"};
  check_finding(only_finding(observe("shapes/join_chain_late")), expected);
}

TEST_CASE("join of a thread that took the lock before and after it started the joiner: found") {
  const Json finding = only_finding(observe("shapes/join_next_epoch"));
  CHECK(finding.at("verdict") == "feasible");
}

TEST_CASE("abba in detached threads: found") {
  check_finding(only_finding(observe("shapes/abba_detached")), kAbba);
}

TEST_CASE("abba by one thread only: a warning") {
  Expected expected = explained("same-thread", "warning");
  expected.orders = {{"lock_a", "lock_b", "forwards", "forwards"},
                     {"lock_b", "lock_a", "backwards", "backwards"}};
  check_finding(only_finding(observe("shapes/abba_same_thread")), expected);
}

TEST_CASE("abba, second order by a try: no cycle") {
  const Report report = observe("shapes/abba_trylock");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("edges") == 1);
}

TEST_CASE("abba, first lock by a try: found") {
  check_finding(only_finding(observe("shapes/abba_try_held")), kAbba);
}

TEST_CASE("abba, one wait timed: a warning") {
  check_finding(only_finding(observe("shapes/abba_timed")), explained("timed", "warning"));
}

TEST_CASE("abba, both waits timed: a note") {
  check_finding(only_finding(observe("shapes/abba_all_timed")), explained("timed"));
}

TEST_CASE("abba over annotated locks: found by their names") {
  const Json finding = only_finding(observe("shapes/abba_named"));
  check_finding(finding, {.verdict = "feasible",
                          .severity = "error",
                          .orders = {{"inode_lock", "superblock_lock", "write_inode", "write_inode"},
                                     {"superblock_lock", "inode_lock", "sync_all", "sync_all"}}});
  CHECK(finding.at("stability") == "high");
}

TEST_CASE("abba through a wrapper: found, the locks told apart by who took them") {
  const std::string cache = "mutex(cache_add, cache_drop)";
  const std::string index = "mutex(index_add, index_evict)";
  check_finding(
      only_finding(observe("shapes/abba_wrapper")),
      {.verdict = "feasible",
       .severity = "error",
       .orders = {{cache, index, "cache_add", "index_add"}, {index, cache, "index_evict", "cache_drop"}}});
}

TEST_CASE("abba over spin locks: found") {
  check_finding(only_finding(observe("shapes/spin_abba")),
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"spin_a", "spin_b", "first_thread", "first_thread"},
                            {"spin_b", "spin_a", "second_thread", "second_thread"}}});
}

TEST_CASE("spin locks in one order: no cycle") {
  CHECK(observe("shapes/spin_ranked").findings().empty());
}

TEST_CASE("ring of five: exactly one finding of five locks") {
  Expected expected = {.verdict = "feasible", .severity = "error", .orders = {}};
  for (int seat = 0; seat < 5; ++seat)
    expected.orders.push_back({"fork_" + std::to_string(seat), "fork_" + std::to_string((seat + 1) % 5),
                               "philosopher", "philosopher"});
  const Json finding = only_finding(observe("shapes/ring5"));
  check_finding(finding, expected);
  CHECK(finding.at("locks").size() == 5);
}

TEST_CASE("ring of five, lower number first: no cycle") {
  CHECK(observe("shapes/ring5_ranked").findings().empty());
}

TEST_CASE("gated pair and feasible ring of three: the ring is found, the pair explained") {
  const Report report = observe("shapes/gated_pair_hides_ring3");
  const std::vector<Json> errors = report.of_severity("error");
  REQUIRE(errors.size() == 1);
  check_finding(errors[0], {.verdict = "feasible",
                            .severity = "error",
                            .orders = {{"lock_a", "lock_b", "gated_ab", "gated_ab"},
                                       {"lock_b", "lock_c", "free_bc", "free_bc"},
                                       {"lock_c", "lock_a", "free_ca", "free_ca"}}});
  const std::vector<Json> notes = report.of_severity("note");
  REQUIRE(notes.size() == 1);
  check_finding(notes[0], {.verdict = "gated",
                           .severity = "note",
                           .orders = {{"lock_a", "lock_b", "gated_ab", "gated_ab"},
                                      {"lock_b", "lock_a", "gated_ba", "gated_ba"}}});
  CHECK(report.of_severity("warning").empty());
}

TEST_CASE("normal mutex wanted again by its holder, timed: a warning") {
  check_finding(only_finding(observe("shapes/self_lock_timed")),
                {.kind = "self-lock",
                 .verdict = "timed",
                 .severity = "warning",
                 .orders = {{"lock_a", "lock_a", "main", "relock"}}});
}

TEST_CASE("atomic shared_ptr in both orders under locks: not recorded, no cycle") {
  const Report report = observe("shapes/shared_ptr_pool");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("locks") == 2 + 1);  // and the static guard of the pool itself
  CHECK(report.summary().at("edges") == 1);
}

TEST_CASE("atomic shared_ptr beside an abba: the abba is found") {
  const Report report = observe("shapes/shared_ptr_pool", {"both"});
  check_finding(only_finding(report), kAbba);
  CHECK(report.summary().at("edges") == 2 + 1);
}

TEST_CASE("recursive mutex taken again: no cycle") {
  CHECK(observe("shapes/recursive_relock").findings().empty());
}

TEST_CASE("condition wait takes its mutex again under another lock: found") {
  check_finding(only_finding(observe("shapes/cond_relock")),
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"state_lock", "queue_lock", "submitter", "submitter"},
                            {"queue_lock", "state_lock", "waiter", "waiter", "relock"}}});
}

TEST_CASE("condition wait with nothing else held: no cycle") {
  CHECK(observe("shapes/cond_relock_clean").findings().empty());
}

TEST_CASE("condition wait refused, its mutex not held: no cycle") {
  const Report report = observe("shapes/cond_refused");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("edges") == 1);
}

TEST_CASE("condition wait refused, its mutex held: found") {
  check_finding(only_finding(observe("shapes/cond_refused_held")),
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"state_lock", "queue_lock", "waiter", "waiter"},
                            {"queue_lock", "state_lock", "submitter", "submitter"}}});
}

TEST_CASE("mutex released by another thread before the next lock: no cycle") {
  const Report report = observe("shapes/abba_handed_over");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("edges") == 1);
}

TEST_CASE("mutex released by another thread after the next lock: found") {
  check_finding(
      only_finding(observe("shapes/abba_handed_over_late")),
      {.verdict = "feasible",
       .severity = "error",
       .orders = {{"baton", "list_lock", "taker", "taker"}, {"list_lock", "baton", "giver", "giver"}}});
}

TEST_CASE("abba without optimisation: each order by its own function, whichever comes first") {
  std::set<std::string> fingerprints;
  for (const std::string order : {"pay-first", "audit-first"}) {
    const Path traces = work_dir() / order;
    REQUIRE(run(preloaded({program("shapes/abba_unoptimised"), order}, traces)).status == 0);
    const Json finding = only_finding(analyze(traces));
    INFO(finding.dump(2));
    CHECK(finding.at("verdict") == "feasible");
    fingerprints.insert(finding.at("fingerprint"));
    std::map<std::string, std::string> function_of;  // by the lock held
    for (const Json& edge : finding.at("edges")) {
      const bool pay = is_by(edge, "pay", "audit");
      CHECK((pay || is_by(edge, "audit", "pay")));
      function_of[edge.at("from").dump()] += pay ? "pay " : "audit ";
    }
    REQUIRE(function_of.size() == 2);
    CHECK(std::set{function_of.begin()->second, function_of.rbegin()->second} ==
          std::set<std::string>{"audit audit ", "pay pay "});
  }
  CHECK(fingerprints.size() == 1);
}
