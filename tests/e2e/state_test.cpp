// Assertions, guarded state, tokens and ruled-out page faults, each with its twins that must stay silent.
#include <doctest/doctest.h>

#include <set>

#include "report.h"

using namespace faultline::e2e;

namespace {

// Fails unless it is an error of that kind, without verdict or edges, with places of these actions.
void check_state_finding(const Json& finding, const std::string& kind, const std::string& title,
                         const std::vector<std::string>& actions) {
  CHECK(finding.at("kind") == kind);
  CHECK(finding.at("severity") == "error");
  CHECK(finding.at("verdict").is_null());
  CHECK(finding.at("edges").empty());
  CHECK(finding.at("title") == title);
  CHECK(finding.at("stability") == "high");
  std::vector<std::string> seen;
  for (const Json& site : finding.at("sites")) seen.push_back(site.at("action"));
  CHECK(seen == actions);
}

// What a place holds, as "CLASS MODE".
std::set<std::string> held_at(const Json& finding, size_t place) {
  std::set<std::string> holds;
  for (const Json& hold : finding.at("sites").at(place).at("holds"))
    for (const Json& lock : finding.at("locks"))
      if (lock.at("id") == hold.at("lock"))
        holds.insert(lock.at("class").get<std::string>() + " " + hold.at("mode").get<std::string>());
  return holds;
}

using Holds = std::set<std::string>;

// Empty where the program was skipped.
std::vector<Json> findings_of(const std::string& name, const std::string& how) {
  const Report report = observe(name, {how});
  if (report.json.is_null()) return {};
  return {report.findings().begin(), report.findings().end()};
}

}  // namespace

TEST_CASE("assert_held without the lock: found") {
  const Json finding = only_finding(observe("shapes/assert_held", {"unlocked"}));
  check_state_finding(finding, "assertion", "inode_lock not held at change_size", {"assert"});
  CHECK(has_function(finding.at("sites").at(0).at("at"), "change_size"));
  CHECK(held_at(finding, 0) == Holds{});
}

TEST_CASE("assert_held with another lock of its class: found") {
  const Json finding = only_finding(observe("shapes/assert_held", {"other"}));
  check_state_finding(finding, "assertion", "inode_lock not held at change_size", {"assert"});
  CHECK(held_at(finding, 0) == Holds{"inode_lock exclusive"});
}

TEST_CASE("assert_held exclusively of a lock that is read: found") {
  const Json finding = only_finding(observe("shapes/assert_held", {"shared"}));
  check_state_finding(finding, "assertion", "data_lock held only to read at change_data", {"assert"});
  CHECK(held_at(finding, 0) == Holds{"data_lock shared"});
}

TEST_CASE("assert_not_held with the lock: found") {
  const Json finding = only_finding(observe("shapes/assert_held", {"forbidden"}));
  check_state_finding(finding, "assertion", "inode_lock held at sleep_for_io", {"assert"});
}

TEST_CASE("assertions that hold: nothing") {
  for (const char* how : {"exclusive", "rwlock", "reader", "released"}) {
    INFO(how);
    CHECK(observe("shapes/assert_held", {how}).findings().empty());
  }
}

TEST_CASE("state written without the lock it is read under: found") {
  const Json finding = only_finding(observe("shapes/guarded_state", {"unguarded"}));
  check_state_finding(finding, "unguarded", "inline_state: set_flags writes, get_flags reads",
                      {"write", "read"});
  CHECK(has_function(finding.at("sites").at(0).at("at"), "page_mkwrite"));
  CHECK(has_function(finding.at("sites").at(1).at("at"), "write_begin"));
  CHECK(held_at(finding, 0) == Holds{});
  CHECK(held_at(finding, 1) == Holds{"inode_lock exclusive"});
  CHECK(finding.at("sites").at(0).at("thread").at("tid") != finding.at("sites").at(1).at("thread").at("tid"));
}

TEST_CASE("state under two read locks, one of them to write it: found") {
  const Json finding = only_finding(observe("shapes/guarded_state", {"shared"}));
  check_state_finding(finding, "unguarded", "inline_state: set_flags writes, get_flags reads",
                      {"write", "read"});
  CHECK(held_at(finding, 0) == Holds{"data_lock shared"});
  CHECK(held_at(finding, 1) == Holds{"data_lock shared"});
}

TEST_CASE("state under two locks: found") {
  const Json finding = only_finding(observe("shapes/guarded_state", {"two_locks"}));
  CHECK(finding.at("kind") == "unguarded");
  CHECK(held_at(finding, 1) == Holds{"inode_lock exclusive"});
  CHECK(held_at(finding, 0).size() == 1);
}

TEST_CASE("unguarded state of 300 objects: one finding") {
  const Json finding = only_finding(observe("shapes/guarded_state", {"many"}));
  CHECK(finding.at("kind") == "unguarded");
  CHECK(finding.at("instances") == 300);
}

TEST_CASE("state under one lock, only read, only initialised, in order, or looked at twice: nothing") {
  for (const char* how : {"guarded", "readers", "handed_on", "joined", "racy", "writer", "reborn", "try"}) {
    INFO(how);
    CHECK(observe("shapes/guarded_state", {how}).findings().empty());
  }
}

TEST_CASE("a fingerprint of unguarded state is the same on every run") {
  const Json first = only_finding(observe("shapes/guarded_state", {"unguarded"}));
  const Json second = only_finding(observe("shapes/guarded_state", {"unguarded"}));
  CHECK(first.at("fingerprint") == second.at("fingerprint"));
}

TEST_CASE("state that a page-fault server uses under the faulting thread's lock: nothing") {
  for (const char* how : {"locked", "own"}) {
    INFO(how);
    CHECK(findings_of("shapes/served_state", how).empty());
  }
}

TEST_CASE("state that a page-fault server uses under nobody's lock: found") {
  const std::vector<Json> findings = findings_of("shapes/served_state", "unlocked");
  if (findings.empty()) return;
  REQUIRE(findings.size() == 2);
  check_state_finding(findings[0], "unguarded", "entries: fetch_page writes, use_entries reads",
                      {"write", "read"});
  CHECK(findings[0].at("sites").at(0).at("for").size() == 1);
  check_state_finding(findings[1], "assertion", "table_lock not held at fetch_page", {"assert"});
}

TEST_CASE("state that a page-fault server writes under a read lock of the faulting thread: found") {
  const std::vector<Json> findings = findings_of("shapes/served_state", "reading");
  if (findings.empty()) return;
  REQUIRE(findings.size() == 1);
  check_state_finding(findings[0], "unguarded", "entries: fetch_page writes, use_entries reads",
                      {"write", "read"});
  CHECK(held_at(findings[0], 0) == Holds{"table_lock shared"});
  CHECK(held_at(findings[0], 1) == Holds{"table_lock shared"});
}

TEST_CASE("a token that was never given, or that another object had: found") {
  for (const char* how : {"never", "reborn"}) {
    const Json finding = only_finding(observe("shapes/tokens", {how}));
    check_state_finding(finding, "assertion", "page announced for writing: not given at set_page_dirty",
                        {"assert"});
  }
}

TEST_CASE("a token that was revoked meanwhile: found, with both places") {
  const Json finding = only_finding(observe("shapes/tokens", {"cleaned"}));
  check_state_finding(finding, "assertion", "page announced for writing: revoked before set_page_dirty",
                      {"assert", "give", "revoke"});
  CHECK(has_function(finding.at("sites").at(1).at("at"), "page_mkwrite"));
  CHECK(has_function(finding.at("sites").at(2).at("at"), "write_back"));
  CHECK(finding.at("sites").at(1).at("thread") != finding.at("sites").at(2).at("thread"));
}

TEST_CASE("a token that is used up twice: found") {
  const Json finding = only_finding(observe("shapes/tokens", {"taken_twice"}));
  check_state_finding(finding, "assertion", "page announced for writing: revoked before complete_write",
                      {"assert", "give", "revoke"});
}

TEST_CASE("a token that is there: nothing") {
  for (const char* how : {"given", "again"}) {
    INFO(how);
    CHECK(observe("shapes/tokens", {how}).findings().empty());
  }
}

TEST_CASE("a page fault that is served where faults are ruled out: found") {
  for (const std::string how : {"missing", "nested"}) {
    const std::vector<Json> findings = findings_of("shapes/faults_disabled", how);
    if (findings.empty()) return;
    REQUIRE(findings.size() == 1);
    const Json& finding = findings[0];
    CHECK(finding.at("kind") == "assertion");
    CHECK(finding.at("sites").at(0).at("action") == "fault");
    CHECK(finding.at("sites").at(0).at("fault").at("access") == "read");
    CHECK(held_at(finding, 0) == Holds{"table_lock exclusive"});
    CHECK(finding.at("title").get<std::string>().find("page fault with faults disabled ") == 0);
  }
}

TEST_CASE("faults ruled out where the page is there, or allowed again: nothing") {
  for (const char* how : {"present", "enabled"}) {
    INFO(how);
    CHECK(findings_of("shapes/faults_disabled", how).empty());
  }
}

TEST_CASE("unguarded state that the baseline accepts is known to the gate, a missing token is new") {
  const Path traces = work_dir() / "traces";
  run(preloaded({program("shapes/guarded_state"), "unguarded"}, traces));
  const std::string baseline = (work_dir() / "baseline").string();
  const Arguments gate = {"gate", "--baseline", baseline, "--allow-incomplete"};
  const auto judged = [&](const Arguments& more) {
    Arguments all = gate;
    all.insert(all.end(), more.begin(), more.end());
    all.push_back(traces.string());
    return run(faultline_command(all)).status;
  };
  write_text(baseline, "");
  CHECK(judged({}) == 1);
  CHECK(judged({"--update", "--reason", "the flag is only a hint"}) == 0);
  CHECK(judged({}) == 0);
  run(preloaded({program("shapes/tokens"), "never"}, traces));
  CHECK(judged({}) == 1);
}
