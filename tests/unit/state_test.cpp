// Guarded state and assertions: what is found, and the nearest thing that is not.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "event_script.h"
#include "report_json.h"
#include "report_schema.h"
#include "report_text.h"
#include "sample_report.h"

using namespace faultline;

namespace {

// The findings about state, as "NAME T1 writes, T2 reads", by the names of threads; all are errors without a
// verdict.
std::string races(const Judged& result) {
  std::string lines;
  for (const Finding& finding : result.findings()) {
    if (finding.kind != Kind::Unguarded) continue;
    CHECK(finding.severity == Severity::Error);
    CHECK_FALSE(finding.verdict);
    CHECK(finding.edges.empty());
    REQUIRE(finding.sites.size() == 2);
    if (!lines.empty()) lines += '\n';
    lines += finding.title.substr(0, finding.title.find(':'));
    for (const FindingSite& site : finding.sites)
      lines += (&site == &finding.sites[0] ? " " : ", ") +
               (site.thread ? result.model.threads[site.thread].name : "any") +
               (site.action == Action::Write ? " writes" : " reads");
  }
  return lines;
}

std::string races(std::string_view script, const std::vector<LockDetail>& details = {}) {
  return races(judged(script, details));
}

const Finding& only(const Judged& result) {
  REQUIRE(result.findings().size() == 1);
  return result.findings().front();
}

}  // namespace

TEST_CASE("state written without the lock it is read under is unguarded") {
  const Judged result = judged("T1: A rd(x); T2: wr(x)");
  REQUIRE(races(result) == "x T2 writes, T1 reads");
  const Finding& finding = only(result);
  CHECK(
      finding.why ==
      "thread T2 (102) writes it holding nothing, thread T1 (101) reads it holding A: no lock keeps the one "
      "out while the other is at it");
  CHECK(finding.sites[0].holds.empty());
  REQUIRE(finding.sites[1].holds.size() == 1);
  CHECK(result.model.locks[result.model.held[finding.sites[1].holds[0]].lock].name == "A");
  REQUIRE(finding.locks.size() == 1);
  CHECK(finding.locks[0].class_name == "A");
}

TEST_CASE("state used under one lock is guarded, whatever else is held") {
  CHECK(races("T1: A rd(x) wr(x); T2: B A wr(x)") == "");
  CHECK(races("T1: ?A rd(x); T2: A wr(x)") == "");
}

TEST_CASE("state under two locks of one name is unguarded") {
  CHECK(races("T1: A wr(x); T2: B wr(x)").find("x T") == 0);
}

TEST_CASE("state that is only read needs no lock") {
  CHECK(races("T1: rd(x); T2: rd(x); T3: A rd(x)") == "");
}

TEST_CASE("state of one thread needs no lock") {
  CHECK(races("T1: rd(x) wr(x) A wr(x)") == "");
}

TEST_CASE("a read lock guards against its writer and not against its readers") {
  CHECK(races("T1: A/r rd(x); T2: A wr(x)") == "");
  const Judged shared = judged("T1: A/r rd(x); T2: A/r wr(x)");
  CHECK(races(shared) == "x T2 writes, T1 reads");
  CHECK(only(shared).why.find("; both hold A, but only to read") != std::string::npos);
}

TEST_CASE("three accesses, each two with a lock of their own, are guarded") {
  CHECK(races("T1: A B wr(x); T2: B C wr(x); T3: A ?C wr(x)") == "");
  CHECK(races("T1: A B wr(x); T2: B C wr(x); T3: A wr(x)") == "x T2 writes, T3 writes");
}

TEST_CASE("accesses that creating and joining threads keeps apart need no lock") {
  CHECK(races("T1: wr(x) +T2; T2: wr(x); T1: <T2 wr(x)") == "");
  CHECK(races("T1: +T2; T2: wr(x); T1: wr(x) <T2") == "x T2 writes, T1 writes");
}

TEST_CASE("an access assumed of all later epochs is met by any later thread") {
  CHECK(races("T1: +T2; T2: wr(x); T1: <T2 +T3; T3: wr(x)") == "");
  CHECK(races("T1: wr(x)/e +T2; T2: wr(x)") == "x T1 writes, T2 writes");
  CHECK(races("T1: wr(x)/o") == "x any writes, any writes");
}

TEST_CASE("a server and the thread whose fault it serves are never at it at once") {
  CHECK(races("T1: rd(x); T2: wr(x)^T1") == "");
  CHECK(races("T2: wr(x)^T1; T3: rd(x)^T1") == "");
  CHECK(races("T1: rd(x); T2: wr(x)^T1; T3: rd(x)") == "x T2 writes, T3 reads");
}

TEST_CASE("the service of page faults guards nothing") {
  CHECK(races("T1: @U wr(x); T2: @U wr(x)") == "x T1 writes, T2 writes");
}

TEST_CASE("locks that were not told apart are taken for one") {
  CHECK(races("T1: A wr(x); T2: A wr(x)", {{"A", R"("summary":true)"}}) == "");
  CHECK(races("T1: A/r wr(x); T2: A/r wr(x)", {{"A", R"("summary":true)"}}) == "x T1 writes, T2 writes");
}

TEST_CASE("the same places on several objects are one finding, other states are others") {
  const auto count = [](std::string_view script) {
    const Judged result = judged(script);
    return result.findings().size();
  };
  CHECK(count("T1: wr(x) wr(y); T2: rd(x) rd(y)") == 2);
  CHECK(count("T1: wr(x); T2: rd(x#2)") == 0);
  // Stacks of a script are all different, so here are three places.
  CHECK(count("T1: wr(x) wr(x); T2: rd(x)") == 2);
}

TEST_CASE("fingerprints of unguarded state do not depend on which access came first") {
  const Judged a = judged("T1: wr(x); T2: wr(x)");
  const Judged b = judged("T2: wr(x); T1: wr(x)");
  CHECK(only(a).fingerprint == only(b).fingerprint);
  CHECK(only(a).fingerprint != only(judged("T1: wr(y); T2: wr(y)")).fingerprint);
  CHECK(only(a).fingerprint != only(judged("T1: wr(x); T2: rd(x)")).fingerprint);
}

TEST_CASE("an assertion that a lock is held names what was held instead") {
  const Judged result = judged("T1: B held(A)");
  const Finding& finding = only(result);
  CHECK(finding.kind == Kind::Assertion);
  CHECK(finding.severity == Severity::Error);
  CHECK_FALSE(finding.verdict);
  CHECK(finding.title.find("A not held at script+0x") == 0);
  CHECK(finding.why.find("thread T1 (101), holding B, must hold A exclusively in ") == 0);
  REQUIRE(finding.locks.size() == 2);
  CHECK(finding.locks[0].class_name == "A");
  CHECK(finding.locks[1].class_name == "B");
  REQUIRE(finding.sites.size() == 1);
  CHECK(finding.sites[0].action == Action::Assert);
  CHECK(finding.sites[0].holds.size() == 1);
}

TEST_CASE("an assertion that a lock is held exclusively says that it is held to read") {
  CHECK(only(judged("T1: A/r held(A)")).title.find("A held only to read at ") == 0);
}

TEST_CASE("an assertion that a lock is not held names it") {
  const Judged result = judged("T1: A nothel(A)");
  CHECK(only(result).title.find("A held at ") == 0);
  CHECK(only(result).why.find("thread T1 (101), holding A, must not hold A in ") == 0);
}

TEST_CASE("a token that is missing: never given, or revoked by whom") {
  const Judged never = judged("T1: token(announced)");
  CHECK(only(never).title.find("announced: not given at ") == 0);
  CHECK(only(never).sites.size() == 1);
  const Judged revoked = judged("T1: token(announced-T2)");
  CHECK(only(revoked).title.find("announced: revoked before ") == 0);
  REQUIRE(only(revoked).sites.size() == 3);
  CHECK(only(revoked).sites[1].action == Action::Give);
  CHECK(only(revoked).sites[2].action == Action::Revoke);
  CHECK(revoked.model.threads[only(revoked).sites[2].thread].name == "T2");
}

TEST_CASE("assertions of one kind about one thing in several places are several findings") {
  CHECK(judged("T1: held(A) held(A)").findings().size() == 2);
  CHECK(judged("T1: held(A); T2: token(A)").findings().size() == 2);
}

TEST_CASE("reports of state fit the schema and show both sides") {
  const Judged result =
      judged("T1: A/f rd(x); T2: B wr(x)^T3; T1: held(B); T1: nothel(A); T2: token(announced-T1)");
  const TableOfNames names({});
  const Report report{.model = result.model, .names = names, .judgement = result.judgement};
  const auto json = nlohmann::json::parse(render_json(report));
  CHECK(schema_errors(json) == "");
  REQUIRE(json["findings"].size() == 4);
  const auto race = std::ranges::find(json["findings"], "unguarded", [](auto& f) { return f["kind"]; });
  REQUIRE(race != json["findings"].end());
  CHECK((*race)["edges"].empty());
  REQUIRE((*race)["sites"].size() == 2);
  const auto& writer = (*race)["sites"][0];
  CHECK(writer["action"] == "write");
  CHECK(writer["thread"]["name"] == "T2");
  CHECK(writer["for"][0]["name"] == "T3");
  CHECK(writer["holds"][0]["mode"] == "exclusive");
  CHECK(writer["at"].size() == 1);
  CHECK((*race)["sites"][1]["holds"][0]["mode"] == "shared");
  auto bad = json;
  bad["findings"][0]["sites"][0]["action"] = "looks";
  CHECK(schema_errors(bad) != "");

  const std::string text = render_text(report, {});
  CHECK(text.find("1. Thread \"T2\" (tid 102), serving the page fault of thread \"T3\"") !=
        std::string::npos);
  CHECK(text.find("holds B (exclusive), taken at") != std::string::npos);
  CHECK(text.find("writes it, at") != std::string::npos);
  CHECK(text.find("holds A (shared), taken at") != std::string::npos);
  CHECK(text.find("reads it, at") != std::string::npos);
  CHECK(text.find("revoked it, at") != std::string::npos);
}
