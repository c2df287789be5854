// The trace reader on what annotations of state leave.
#include <doctest/doctest.h>

#include <string>

#include "trace_counter.h"

using namespace faultline;

TEST_CASE("records of state are read whole") {
  const std::string before = kHeader + kStats + kThread + kLock +
                             R"({"t":"state","id":7,"name":"flags","addr":"0x10"})"
                             "\n";
  const auto with = [&](const std::string& line) { return read(before + line + '\n'); };
  const Outcome access = with(
      R"({"t":"access","thread":1,"epoch":3,"state":7,"under":0,"stack":0,"write":true,"open":"epochs","for":[1]})");
  CHECK(access.error == "");
  CHECK(access.seen.states == 1);
  REQUIRE(access.seen.accesses == 1);
  CHECK(access.seen.last_access.state == StateId{1});
  CHECK(access.seen.last_access.epoch == 3);
  CHECK(access.seen.last_access.writes);
  CHECK(access.seen.last_access.open == Open::Epochs);
  CHECK(access.seen.last_access.clients == std::vector<ThreadId>{ThreadId{1}});

  const Outcome held = with(
      R"({"t":"assertion","kind":"held","thread":1,"under":0,"stack":0,"lock":9,"addr":"0x5","mode":"shared"})");
  CHECK(held.error == "");
  REQUIRE(held.seen.assertions.size() == 1);
  CHECK(held.seen.assertions[0].claim == Claim::Held);
  CHECK(held.seen.assertions[0].lock == LockId{1});
  CHECK_FALSE(held.seen.assertions[0].exclusively);

  const Outcome token = with(
      R"({"t":"assertion","kind":"token","thread":1,"under":0,"stack":0,"name":"n","addr":"0x5","revoked":{"thread":0,"stack":0}})");
  CHECK(token.error == "");
  REQUIRE(token.seen.assertions.size() == 1);
  CHECK(token.seen.assertions[0].token == "n");
  CHECK_FALSE(token.seen.assertions[0].given);
  CHECK(token.seen.assertions[0].revoked);
}

TEST_CASE("records of state with something amiss are errors, and what lacks its definition too") {
  const std::string before = kHeader + kStats + kThread + kLock;
  for (
      const char* line : {
          R"({"t":"access","thread":1,"epoch":1,"state":7,"under":0,"stack":0})",
          R"({"t":"access","thread":1,"epoch":0,"state":7,"under":0,"stack":0})",
          R"({"t":"state","id":7,"name":"flags"})",
          R"({"t":"assertion","kind":"wished","thread":1,"under":0,"stack":0})",
          R"({"t":"assertion","kind":"held","thread":1,"under":0,"stack":0,"lock":9,"addr":"0x5","mode":"any"})",
          R"({"t":"assertion","kind":"token","thread":1,"under":0,"stack":0,"addr":"0x5"})",
          R"({"t":"assertion","kind":"fault","thread":1,"under":0,"stack":0})",
      }) {
    INFO(line);
    const Outcome outcome = read(before + line + "\n" + kLock);
    CHECK(outcome.error.find("t.jsonl:5: ") == 0);
    CHECK(outcome.seen.accesses == 0);
    CHECK(outcome.seen.assertions.empty());
  }
}
