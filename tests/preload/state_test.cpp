// Guarded state and tokens in the shim: phases, what is written once, objects that come anew, forks.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <thread>

#include "record/assertions.h"
#include "record/guarded_state.h"
#include "record/tokens.h"
#include "recording.h"
#include "runtime.h"

using namespace faultline;

namespace {

[[gnu::noinline]] void touch(const void* state, const char* name, bool writes) {
  state_accessed(state, name, writes, FAULTLINE_CALL_POINT);
  asm volatile("");  // no tail call: the call point is this function's
}

[[gnu::noinline]] void require(const void* object, const char* name, bool take = false) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  Guard guard;
  require_token(guard, object, name, take, at);
}

[[gnu::noinline]] void give(const void* object, const char* name) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  Guard guard;
  give_token(guard, object, name, at);
}

[[gnu::noinline]] void revoke(const void* object, const char* name) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  Guard guard;
  revoke_token(guard, object, name, at);
}

void created(const void* object) {
  Guard guard;
  object_created(object);
}

template <class Body>
void elsewhere(Body body) {
  std::thread(body).join();
}

std::vector<Json> states(const std::string& name) {
  std::vector<Json> found = records("state");
  std::erase_if(found, [&](const Json& record) { return record.at("name") != name; });
  return found;
}

std::vector<Json> accesses(const std::string& name) {
  std::set<int> wanted;
  for (const Json& state : states(name)) wanted.insert(state.at("id").get<int>());
  std::vector<Json> found = records("access");
  std::erase_if(found, [&](const Json& access) { return wanted.count(access.at("state").get<int>()) == 0; });
  return found;
}

std::size_t missing(const std::string& token) {
  std::size_t count = 0;
  for (const Json& record : records("assertion"))
    count += record.at("kind") == "token" && record.at("name") == token;
  return count;
}

}  // namespace

TEST_CASE("state: what its first thread does is not written") {
  record_here();
  int object;
  for (int i = 0; i < 3; ++i) touch(&object, "own", true);
  CHECK(states("own").empty());
}

TEST_CASE("state: from the second thread on every access is written once") {
  record_here();
  int object;
  touch(&object, "shared", true);
  elsewhere([&] { touch(&object, "shared", false); });
  for (int i = 0; i < 100; ++i) touch(&object, "shared", true);
  touch(&object, "shared", false);
  CHECK(states("shared").size() == 1);
  const std::vector<Json> written = accesses("shared");
  REQUIRE(written.size() == 3);
  CHECK_FALSE(written[0].contains("write"));
  CHECK(written[1].at("write") == true);
  CHECK(written[0].at("thread") != written[1].at("thread"));
  CHECK_FALSE(written[2].contains("write"));
}

TEST_CASE("state: names and objects tell states apart, a new object begins anew") {
  record_here();
  int objects[2];
  const auto share = [&](int& object, const char* name) {
    touch(&object, name, true);
    elsewhere([&] { touch(&object, name, true); });
  };
  share(objects[0], "told apart");
  share(objects[1], "told apart");
  share(objects[0], "by name");
  CHECK(states("told apart").size() == 2);
  CHECK(states("by name").size() == 1);
  created(&objects[0]);
  touch(&objects[0], "told apart", true);
  touch(&objects[0], "told apart", true);
  CHECK(states("told apart").size() == 2);
  elsewhere([&] { touch(&objects[0], "told apart", true); });
  CHECK(states("told apart").size() == 3);
}

TEST_CASE("state: a name is copied, up to 63 bytes") {
  record_here();
  int object;
  std::string name(100, 'n');
  touch(&object, name.c_str(), true);
  elsewhere([&] { touch(&object, name.c_str(), true); });
  name.assign(100, 'x');
  CHECK(accesses(std::string(63, 'n')).size() == 1);
  CHECK(states(std::string(63, 'x')).empty());
}

TEST_CASE("state: threads that touch one state at once leave one record each") {
  record_here();
  int object;
  touch(&object, "at once", true);
  in_threads(4, [&](int) {
    for (int i = 0; i < 1000; ++i) touch(&object, "at once", true);
  });
  CHECK(states("at once").size() == 1);
  CHECK(accesses("at once").size() == 4);
}

TEST_CASE("state: of many objects of one name some are watched, and those of rare accesses") {
  record_here();
  constexpr std::size_t kObjects = 1500;
  static char objects[kObjects];
  const auto touch_all = [] {
    for (char& object : objects) touch(&object, "many", false);
  };
  touch_all();
  elsewhere(touch_all);
  touch_all();
  const std::size_t watched = states("many").size();
  CHECK(watched >= 1024);
  CHECK(watched < kObjects - 200);
  // The second round's reads come from another place: a rare kind at first.
  const std::size_t written = accesses("many").size();
  CHECK(written == 2 * 1024 + (watched - 1024));
  // The last one is none of them, until it is written.
  touch(&objects[kObjects - 1], "many", true);
  CHECK(states("many").size() == watched + 1);
  elsewhere([] { touch(&objects[kObjects - 1], "many", false); });
  const std::vector<Json> last = accesses("many");
  CHECK(last.size() == written + 2);
  CHECK(last.back().at("state") == states("many").back().at("id"));
}

TEST_CASE("tokens: there once given, gone once revoked, taken or with another object") {
  record_here();
  int page;
  require(&page, "t1");
  CHECK(missing("t1") == 1);
  give(&page, "t1");
  require(&page, "t1");
  require(&page, "t1", true);
  CHECK(missing("t1") == 1);
  require(&page, "t1", true);
  CHECK(missing("t1") == 2);
  give(&page, "t1");
  give(&page, "t1");
  revoke(&page, "t1");
  require(&page, "t1");
  CHECK(missing("t1") == 3);
  give(&page, "t1");
  created(&page);
  require(&page, "t1");
  CHECK(missing("t1") >= 3);
  give(&page, "other");
  require(&page, "other");
  CHECK(missing("other") == 0);
}

TEST_CASE("tokens: of two threads that take one at once, one finds it gone") {
  record_here();
  int page;
  for (int turn = 0; turn < 50; ++turn) {
    give(&page, "raced");
    in_threads(2, [&](int) { require(&page, "raced", true); });
  }
  // One place and held set is told once, however often.
  CHECK(missing("raced") >= 1);
}

TEST_CASE("tokens: a forked child goes on with what its parent gave") {
  record_here();
  int page;
  give(&page, "inherited");
  CHECK(in_child([&] {
          require(&page, "inherited");
          const bool was_there = missing("inherited") == 0;
          revoke(&page, "inherited");
          require(&page, "inherited");
          return was_there && missing("inherited") == 1 ? 0 : 1;
        }) == 0);
  require(&page, "inherited");
  CHECK(missing("inherited") == 0);
}

TEST_CASE("an annotation by a signal handler that interrupts the shim keeps the fact") {
  record_here();
  int page;
  give(&page, "reentered");
  revoke(&page, "reentered");
  token_changed_reentered(&page, "reentered", true);
  require(&page, "reentered");
  CHECK(missing("reentered") == 0);
}
