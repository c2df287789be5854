// The trace reader on traces as a killed process leaves them, on damaged ones, and on what is no trace.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "event_script.h"
#include "trace_counter.h"

using namespace faultline;

namespace {

std::string nuls(std::size_t count) {
  return std::string(count, '\0');
}

}  // namespace

TEST_CASE("a whole trace gives every record with its fields") {
  const Outcome whole = read(kHeader + kStats + kLock + kThread + kName +
                             "{\"t\":\"class\",\"lock\":9,\"name\":\"inodes\"}\n{\"t\":\"end\"}\n");
  CHECK(whole.error == "");
  CHECK(whole.reading.warnings.empty());
  CHECK(whole.seen.last_header.run == "r1");
  CHECK(whole.seen.last_header.pid == 7);
  CHECK(whole.seen.last_stats.locks == 3);
  REQUIRE(whole.seen.last_stats.lost.size() == 2);
  CHECK(whole.seen.last_stats.lost[1] == std::pair<std::string, std::uint64_t>("held", 4));
  CHECK(whole.seen.last_lock.number == 9);
  CHECK(whole.seen.last_lock.address == 0x7f00dead0000);
  CHECK(whole.seen.last_lock.type == MutexType::Recursive);
  CHECK(whole.seen.names == 1);
  CHECK(whole.seen.class_names == 1);
  CHECK(whole.seen.ended);
}

TEST_CASE("an orphan waits for the lock of its node") {
  const std::string held = R"({"t":"held","id":3,"under":0,"lock":9,"mode":"exclusive","stack":0})"
                           "\n";
  const std::string orphan =
      R"({"t":"orphan","thread":1,"epoch":2,"held":3,"mode":"exclusive","stack":0,"holder_tid":71,"holder_name":"w"})"
      "\n";
  const Outcome whole = read(kHeader + kStats + kLock + kThread + held + orphan);
  CHECK(whole.error == "");
  REQUIRE(whole.seen.orphans == 1);
  CHECK(whole.seen.dependencies == 0);
  CHECK(whole.seen.last_orphan.wait.to == LockId{1});
  CHECK(whole.seen.last_orphan.wait.epoch == 2);
  CHECK(whole.seen.last_orphan.wait.orphan);
  CHECK(whole.seen.last_orphan.holder_tid == 71);
  CHECK(whole.seen.last_orphan.holder_name == "w");
  CHECK(read(kHeader + kStats + kLock + kThread + orphan).error ==
        "t.jsonl:5: held 3 is used before it is defined; the trace is damaged: record the program again");
}

TEST_CASE("records and keys that the reader does not know are passed over") {
  const Outcome later = read(kHeader + kStats +
                             R"({"t":"novelty","id":9,"what":[1,{"a":null}]})"
                             "\n" +
                             R"({"t":"lock","id":1,"kind":"mutex","addr":"0x1","colour":"red"})"
                             "\n");
  CHECK(later.error == "");
  CHECK(later.seen.locks == 1);
}

TEST_CASE("the rest of a killed process's mapping is not there") {
  const Outcome killed = read(kHeader + kStats + kLock + nuls(3 << 20));
  CHECK(killed.error == "");
  CHECK(killed.reading.warnings.empty());
  CHECK(killed.seen.locks == 1);
}

TEST_CASE("a record behind space that was reserved and never written counts") {
  const Outcome gap = read(kHeader + kStats + kLock + nuls(40) + kName);
  CHECK(gap.error == "");
  CHECK(gap.reading.warnings.empty());
  CHECK(gap.seen.names == 1);
}

TEST_CASE("torn records are warnings, and so is what names them") {
  SUBCASE("all but the first byte was written") {
    const Outcome torn = read(kHeader + kStats + nuls(1) + kLock.substr(1) + kThread);
    CHECK(torn.error == "");
    REQUIRE(torn.reading.warnings.size() == 1);
    CHECK(torn.reading.warnings[0] ==
          "t.jsonl:3: a record was torn by the end of its process; it is left out");
    CHECK(torn.seen.threads == 1);
  }
  SUBCASE("only the newline was written") {
    const Outcome torn = read(kHeader + kStats + nuls(20) + "\n" + kThread);
    CHECK(torn.reading.warnings.size() == 1);
    CHECK(torn.seen.threads == 1);
  }
  SUBCASE("the middle is missing") {
    const Outcome torn = read(kHeader + kStats + nuls(1) + R"("t":"lo)" + nuls(9) + "\n" + kThread);
    CHECK(torn.reading.warnings.size() == 1);
    CHECK(torn.seen.threads == 1);
  }
  SUBCASE("a later record names the torn one") {
    const Outcome torn = read(kHeader + kStats + nuls(1) + kLock.substr(1) + kName + kName);
    CHECK(torn.error == "");
    REQUIRE(torn.reading.warnings.size() == 2);
    CHECK(torn.reading.warnings[1] ==
          "t.jsonl:4: 2 records from here on name something that was lost; they are left out");
    CHECK(torn.seen.names == 0);
  }
}

TEST_CASE("a truncated tail is a warning, and what precedes it is used") {
  const Outcome cut = read(kHeader + kStats + kLock + kName.substr(0, 20));
  CHECK(cut.error == "");
  REQUIRE(cut.reading.warnings.size() == 1);
  CHECK(cut.reading.warnings[0] ==
        "t.jsonl:4: the last line is cut off; it is left out, what precedes it is used");
  CHECK(cut.seen.locks == 1);
  CHECK(read(kHeader + kStats + kLock.substr(0, kLock.size() - 1)).seen.locks ==
        1);  // only the newline is missing
}

TEST_CASE("a garbled line is an error that names its line") {
  CHECK(read(kHeader + kStats + "{\"t\":\"lock\",\n" + kLock).error.find("t.jsonl:3: not a record (") == 0);
  CHECK(read(kHeader + kStats + "\n" + kLock).error.find("t.jsonl:3: not a record (") == 0);
  CHECK(read(kHeader + kStats + "[1,2]\n").error.find("t.jsonl:3: not a record (") == 0);
  CHECK(read(kHeader + kStats + kLock + "{\"id\":1,\"t\":\"lock\"}\n").error ==
        "t.jsonl:4: not a record: its first key is not \"t\" with the record's type; the trace is damaged: "
        "record "
        "the program again");
}

TEST_CASE("what is no trace is refused, and what to do is said") {
  const std::string refusal =
      "t.jsonl:1: not a Faultline trace; give a file that faultline recorded, or a folder of them";
  CHECK(read("\x7f"
             "ELF\x02\x01\x01")
            .error == refusal);
  CHECK(read("#!/bin/sh\necho\n").error == refusal);
  CHECK(read("{\"t\":\"stats\"}\n").error ==
        "t.jsonl:1: not a Faultline trace: the first record is not its header; give a file that faultline "
        "recorded, "
        "or a folder of them");
}

TEST_CASE("a trace of another version is refused") {
  std::string other = kHeader;
  other.replace(other.find("\"version\":1"), 11, "\"version\":2");
  CHECK(read(other + kStats).error ==
        "t.jsonl:1: trace of version 2, but this faultline reads version 1; use the faultline it was "
        "recorded with");
}

TEST_CASE("a file without a record is empty, one with a header only warns") {
  CHECK(read("").reading.empty);
  CHECK(read(nuls(4096)).reading.empty);
  const Outcome header = read(kHeader);
  CHECK_FALSE(header.reading.empty);
  REQUIRE(header.reading.warnings.size() == 1);
  CHECK(header.reading.warnings[0] == "t.jsonl:1: the trace ends after its header: its process died at once");
  CHECK(read(kHeader + kLock).error.find("t.jsonl:2: the record after the header is not \"stats\";") == 0);
}

TEST_CASE("records are checked: fields, types, words, ids") {
  const auto error_of = [](const std::string& line) {
    const std::string error = read(kHeader + kStats + kLock + kThread + line + "\n").error;
    return error.substr(0, error.find(';'));
  };
  CHECK(error_of(R"({"t":"lock","id":9,"kind":"mutex","addr":"0x1"})") ==
        "t.jsonl:5: lock 9 is defined twice");
  CHECK(error_of(R"({"t":"lock","id":0,"kind":"mutex","addr":"0x1"})") ==
        "t.jsonl:5: field \"id\" is 0, which names nothing");
  CHECK(error_of(R"({"t":"lock","id":-1,"kind":"mutex"})") ==
        "t.jsonl:5: field \"id\" is not a number from 0");
  CHECK(error_of(R"({"t":"lock","id":4294967296,"kind":"mutex"})") == "t.jsonl:5: field \"id\" is too large");
  CHECK(error_of(R"({"t":"lock","id":1,"kind":"futex","addr":"0x1"})") ==
        "t.jsonl:5: field \"kind\" has the unknown value \"futex\"");
  CHECK(error_of(R"({"t":"lock","id":1,"kind":"mutex","addr":17})") ==
        "t.jsonl:5: field \"addr\" is not a string");
  CHECK(error_of(R"({"t":"lock","id":1,"kind":"mutex","addr":"17"})") ==
        "t.jsonl:5: field \"addr\" is not a hexadecimal number such as \"0x7f00\"");
  CHECK(error_of(R"({"t":"lock","id":1,"kind":"mutex","addr":"0x1","init":3})") ==
        "t.jsonl:5: stack 3 is used before it is defined");
  CHECK(error_of(R"({"t":"name","name":"x"})") == "t.jsonl:5: field \"lock\", a number from 0, is missing");
  CHECK(error_of(R"({"t":"stack","id":1,"frames":[[1]]})") ==
        "t.jsonl:5: module 1 is used before it is defined");
  CHECK(error_of(R"({"t":"stack","id":1,"frames":[0]})") ==
        "t.jsonl:5: field \"frames\" is not a list of [module, offset]");
  CHECK(error_of(R"({"t":"range","service":9,"start":"0x1","length":"0x1","modes":[]})") ==
        "t.jsonl:5: lock 9 is named as a service but is none");
  CHECK(
      error_of(
          R"({"t":"dep","thread":1,"epoch":1,"under":0,"to":9,"mode":"exclusive","stack":0,"cause":"fault"})") ==
      "t.jsonl:5: field \"fault\", an object, is missing");
  CHECK(error_of(R"({"t":"held","id":1,"under":0,"lock":9,"mode":"exclusive","stack":0,"subclass":256})") ==
        "t.jsonl:5: field \"subclass\" is over 255");
  CHECK(error_of(R"({"t":"held","id":1,"under":0,"lock":9,"mode":"exclusive","stack":0,"subclass":255})") ==
        "");
  CHECK(error_of(R"({"t":"lock","id":1,"kind":"file","addr":"0x0","owner":"me"})") ==
        "t.jsonl:5: field \"owner\" is neither \"description\" nor \"process\"");
  CHECK(error_of(R"({"t":"class","lock":8,"name":"x"})") == "t.jsonl:5: lock 8 is used before it is defined");
  CHECK(error_of(R"({"t":"stats","threads":0})") == "t.jsonl:5: a second \"stats\" record");
  CHECK(error_of(R"({"t":"dep","thread":1,"epoch":1,"under":0,"to":9,"mode":"exclusive","stack":0})") ==
        "t.jsonl:5: field \"cause\", a string, is missing");
  CHECK(
      error_of(
          R"({"t":"dep","thread":1,"epoch":1,"under":0,"to":9,"mode":"exclusive","stack":0,"cause":"call"})") ==
      "");
}

TEST_CASE("a thread that joins itself is refused, one that joins another is not") {
  const std::string other = R"({"t":"thread","id":5,"tid":71})"
                            "\n";
  const auto join = [&](const std::string& joined) {
    return read(kHeader + kStats + kThread + other + R"({"t":"join","thread":1,"epoch":1,"joined":)" +
                joined + "}\n" + kLock);
  };
  CHECK(join("1").error ==
        "t.jsonl:5: thread 1 joins itself; the trace is damaged: record the program again");
  CHECK(join("5").error == "");
  CHECK(join("5").seen.joins == 1);
}

TEST_CASE("ids need not be dense nor small") {
  const Outcome far = read(kHeader + kStats +
                           R"({"t":"lock","id":4294967295,"kind":"mutex","addr":"0x1"})"
                           "\n" +
                           R"({"t":"lock","id":3,"kind":"mutex","addr":"0x1"})"
                           "\n" +
                           R"({"t":"name","lock":4294967295,"name":"far"})"
                           "\n");
  CHECK(far.error == "");
  CHECK(far.seen.locks == 2);
}

TEST_CASE("a shim that ran out of space leaves records that name lost ones: left out with a warning") {
  std::string full = kStats;
  full.replace(full.find("           0,\"held\""), 12, "           5");
  const Outcome lossy = read(kHeader + full + kName);
  CHECK(lossy.error == "");
  CHECK(lossy.reading.warnings.size() == 1);
  CHECK(lossy.seen.names == 0);
}

TEST_CASE("any mutation of a trace is judged, warned of or refused in one line") {
  const std::string original =
      trace_text("T1: +T2 inode !mmap=U U. page/f^U^T3 -inode; T2: mmap inode/t; T3: @U page; T1: <T2");
  std::mt19937 random(20240229);
  const auto below = [&](std::size_t size) {
    return std::uniform_int_distribution<std::size_t>(0, size - 1)(random);
  };
  constexpr std::string_view kInteresting = "{}[]\",:\n\\0123456789-eE.tnu";
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = original;
    for (std::size_t change = below(4) + 1; change-- > 0;) {
      const std::size_t place = below(bytes.size());
      switch (below(5)) {
        case 0:
          bytes[place] = static_cast<char>(below(256));
          break;
        case 1:
          bytes[place] = kInteresting[below(kInteresting.size())];
          break;
        case 2:
          bytes.erase(place, below(30));
          break;
        case 3:
          bytes.insert(place, bytes.substr(below(bytes.size()), below(60)));
          break;
        default:
          bytes.replace(place, std::min<std::size_t>(below(20), bytes.size() - place), nuls(below(20)));
      }
      if (bytes.empty()) bytes = "x";
    }
    const Outcome outcome = read(bytes);
    refused += !outcome.error.empty();
    CHECK(outcome.error.find('\n') == std::string::npos);
    if (!outcome.error.empty()) CHECK(outcome.error.starts_with("t.jsonl:"));
    if (outcome.error.empty() && !outcome.reading.empty) judge(model_of_trace(bytes), NoNames());
  }
  CHECK(refused > 100);
}
