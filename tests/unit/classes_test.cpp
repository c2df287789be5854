// What locks are called, and that a finding keeps its fingerprint from run to run.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "classes.h"
#include "event_script.h"
#include "fingerprints.h"

using namespace faultline;

namespace {

// Names by offset.
class Names : public FrameNames {
 public:
  Names(std::map<std::uint64_t, std::vector<std::string>> functions,
        std::map<std::uint64_t, std::string> objects = {})
      : functions_(std::move(functions)), objects_(std::move(objects)) {}
  std::vector<std::string> functions(const Frame& frame) const override {
    const auto found = functions_.find(frame.offset);
    return found == functions_.end() ? std::vector<std::string>() : found->second;
  }
  std::string object(const Frame& place) const override {
    const auto found = objects_.find(place.offset);
    return found == objects_.end() ? "" : found->second;
  }

 private:
  std::map<std::uint64_t, std::vector<std::string>> functions_;
  std::map<std::uint64_t, std::string> objects_;
};

// One module of the program, one of libc; locks 1 and 2 of which the second is taken under the first.
class TraceMaker {
 public:
  Model model(const std::string& first_lock, const std::string& build_id = "b1",
              const std::string& more = "") const {
    return model_of_trace(
        R"({"t":"trace","format":"faultline-trace","version":1,"pid":7,"exe":"/opt/bank"})"
        "\n"
        R"({"t":"stats","threads":1,"locks":2,"dependencies":1,"faults":0,"lost":{}})"
        "\n"
        R"({"t":"module","id":1,"path":"/opt/bank","build_id":")" +
        build_id +
        R"(","base":"0x0","start":"0x0","end":"0x9"})"
        "\n"
        R"({"t":"module","id":2,"path":"/lib/libc.so.6","base":"0x0","start":"0x0","end":"0x9"})"
        "\n"
        R"({"t":"stack","id":1,"frames":[[2,1],[1,16],[1,32]]})"
        "\n"
        R"({"t":"stack","id":2,"frames":[[1,48],[1,32]]})"
        "\n"
        R"({"t":"thread","id":1,"tid":7})"
        "\n"
        R"({"t":"lock","id":1,"addr":"0x1",)" +
        first_lock + "}\n" +
        R"({"t":"lock","id":2,"kind":"mutex","addr":"0x2"})"
        "\n"
        R"({"t":"held","id":1,"under":0,"lock":1,"mode":"exclusive","stack":1})"
        "\n"
        R"({"t":"dep","thread":1,"epoch":1,"under":1,"to":2,"mode":"exclusive","stack":2,"cause":"call"})"
        "\n" +
        more);
  }
};

LockClass first_class(const Model& model, const FrameNames& names) {
  return LockClasses(model, names).of(LockId{1});
}

const Names kNames({{16, {"std::mutex::lock", "Account::lock", "transfer"}}, {32, {"main"}}, {48, {"audit"}}},
                   {{64, "ledger+0x28"}});

}  // namespace

TEST_CASE("a class goes by its annotated name first") {
  const LockClass named = first_class(TraceMaker().model(R"("kind":"mutex","static":[1,64])", "b1",
                                                         R"({"t":"name","lock":1,"name":"L"})"
                                                         "\n"),
                                      kNames);
  CHECK(named.key == "name:L");
  CHECK(named.name == "L");
}

TEST_CASE("a class goes by the static object, whatever the place in it") {
  const LockClass object =
      first_class(TraceMaker().model(R"("kind":"mutex","static":[1,64],"init":1)"), kNames);
  CHECK(object.key == "static:ledger@bank");
  CHECK(object.name == "ledger");
  CHECK(object.stability == Stability::High);
}

TEST_CASE("a class goes by the function that initialised it, past wrappers") {
  const LockClass init = first_class(TraceMaker().model(R"("kind":"mutex","init":1)"), kNames);
  CHECK(init.key == "init:transfer@bank");
  CHECK(init.name == "mutex(transfer)");
}

TEST_CASE("a class goes by the sorted set of its acquisition sites last") {
  const Model model = TraceMaker().model(
      R"("kind":"rwlock")", "b1",
      R"({"t":"dep","thread":1,"epoch":1,"under":1,"to":1,"mode":"exclusive","stack":2,"cause":"call"})"
      "\n");
  const LockClass sites = first_class(model, kNames);
  CHECK(sites.key == "sites:audit@bank,transfer@bank");
  CHECK(sites.name == "rwlock(audit, transfer)");
}

TEST_CASE("stripped code goes by build id and offset, with low stability") {
  const Names none({}, {});
  const LockClass site = first_class(TraceMaker().model(R"("kind":"mutex")"), none);
  CHECK(site.key == "sites:b1+0x10");
  CHECK(site.name == "mutex(bank+0x10)");
  CHECK(site.stability == Stability::Low);
  CHECK(first_class(TraceMaker().model(R"("kind":"mutex")", "b2"), none).key == "sites:b2+0x10");
  CHECK(first_class(TraceMaker().model(R"("kind":"mutex","static":[1,64])"), none).key == "static:b1+0x40");
}

TEST_CASE("a lambda goes by the next function outward that has a name, without its number") {
  const Names numbered({{16, {"main::{lambda(int)#2}::operator()"}}, {32, {"serve"}}, {48, {"audit"}}});
  const LockClass site = first_class(TraceMaker().model(R"("kind":"mutex")"), numbered);
  CHECK(site.key == "sites:main::{lambda}::operator()@bank<serve@bank");
  CHECK(site.name == "mutex(main::{lambda}::operator() < serve)");
  CHECK(site.stability == Stability::High);

  const Names nested({{16, {"{lambda()#1}::operator()", "f<g()::{lambda()#3}>", "std::invoke", "run"}},
                      {32, {"main"}},
                      {48, {"audit"}}});
  CHECK(first_class(TraceMaker().model(R"("kind":"mutex","init":1)"), nested).key ==
        "init:{lambda}::operator()@bank<run@bank");
}

TEST_CASE("a lambda that no function with a name called has low stability") {
  const Names none({{16, {"main::$_4::operator()"}}, {32, {"std::thread::run"}}, {48, {"audit"}}});
  const LockClass site = first_class(TraceMaker().model(R"("kind":"mutex")"), none);
  CHECK(site.key == "sites:main::$_::operator()@bank");
  CHECK(site.stability == Stability::Low);
}

TEST_CASE("numbers of closures are dropped, others stay") {
  CHECK(without_ordinals("main::{lambda(int (*)())#12}::operator()") == "main::{lambda}::operator()");
  CHECK(without_ordinals("main::'lambda0'(int)::operator()") == "main::{lambda}::operator()");
  CHECK(without_ordinals("f<g::$_11, 3>::h") == "f<g::$_, 3>::h");
  CHECK(without_ordinals("f::{unnamed type#1}::g") == "f::{unnamed}::g");
  CHECK(without_ordinals("main::{lambda(") == "main::{lambda}");
  CHECK(without_ordinals("main::'lambda") == "main::{lambda}");
  CHECK(without_ordinals("Cache<3>::get2") == "Cache<3>::get2");
}

TEST_CASE("two locks of one lambda have low stability, one has high") {
  const Names names({{16, {"main::{lambda()#1}::operator()"}}, {32, {"serve"}}, {48, {"audit"}}});
  const std::string third = R"({"t":"lock","id":3,"kind":"mutex","addr":"0x3","init":1})"
                            "\n";
  CHECK(first_class(TraceMaker().model(R"("kind":"mutex","init":1)"), names).stability == Stability::High);
  CHECK(first_class(TraceMaker().model(R"("kind":"mutex","init":1)", "b1", third), names).stability ==
        Stability::Low);
  const Names named({{16, {"make"}}, {32, {"serve"}}, {48, {"audit"}}});
  CHECK(first_class(TraceMaker().model(R"("kind":"mutex","init":1)", "b1", third), named).stability ==
        Stability::High);
}

TEST_CASE("a wrapper that no rule knows is told by its callers where two of its locks meet") {
  const std::string stack = R"({"t":"stack","id":3,"frames":[[1,16],[1,48],[1,32]]})"
                            "\n"
                            R"({"t":"lock","id":3,"kind":"mutex","addr":"0x3","init":)";
  const Names names({{16, {"make_guarded"}}, {32, {"serve"}}, {48, {"audit"}}});
  const std::set<std::vector<LockId>> met{{LockId{1}, LockId{3}}};

  const Model apart = TraceMaker().model(R"("kind":"mutex","init":1)", "b1", stack + "3}\n");
  LockClasses classes(apart, names);
  CHECK(classes.of(LockId{1}).key == "init:make_guarded@bank");
  CHECK(classes.of(LockId{3}).key == "init:make_guarded@bank");
  classes.tell_apart(met);
  CHECK(classes.of(LockId{1}).key == "init:make_guarded@bank<serve@bank");
  CHECK(classes.of(LockId{3}).key == "init:make_guarded@bank<audit@bank");

  // Two of one place stay of one class, as a thousand accounts do.
  const Model alike = TraceMaker().model(R"("kind":"mutex","init":1)", "b1", stack + "1}\n");
  LockClasses kept(alike, names);
  kept.tell_apart(met);
  CHECK(kept.of(LockId{1}).key == "init:make_guarded@bank");
  CHECK(kept.of(LockId{3}).key == "init:make_guarded@bank");
}

TEST_CASE("wrappers are passed over by scope and by the last part of their names") {
  const ClassRules rules = ClassRules::defaults();
  CHECK(rules.is_wrapper("std::lock_guard<std::mutex>::lock_guard"));
  CHECK(rules.is_wrapper("__gthread_mutex_lock"));
  CHECK(rules.is_wrapper("Account::lock"));
  CHECK(rules.is_wrapper("MutexLock::MutexLock"));
  CHECK(rules.is_wrapper("util::ScopedLock<util::Mutex>::ScopedLock"));
  CHECK(rules.is_wrapper("my_mutex_lock") == false);
  CHECK_FALSE(rules.is_wrapper("transfer"));
  CHECK_FALSE(rules.is_wrapper("Account::withdraw<std::mutex>"));
  CHECK_FALSE(rules.is_wrapper("lockdown"));
  CHECK(rules.is_wrapper_module("/lib/x86_64-linux-gnu/libc.so.6"));
  CHECK_FALSE(rules.is_wrapper_module("/opt/libcache.so"));
}

TEST_CASE("a cycle begins at the same place whichever lock it was found from") {
  const std::vector<std::string_view> keys{"b", "a", "b", "c"};
  CHECK(canonical_start(keys) == 1);
  const std::vector<std::string_view> turned{"c", "b", "a", "b"};
  CHECK(canonical_start(turned) == 2);
  const std::vector<std::string_view> tie{"a", "b", "a", "a"};
  CHECK(canonical_start(tie) == 2);
}

TEST_CASE("a fingerprint depends on kind and classes and never changes") {
  const std::vector<std::string_view> keys{"name:inode_lock", "name:mmap_lock"};
  CHECK(fingerprint_of(Kind::LockOrder, keys) == "FL-4b347f93af05272b");
  CHECK(fingerprint_of(Kind::SelfLock, keys) != fingerprint_of(Kind::LockOrder, keys));
  const std::vector<std::string_view> joined{"name:inode_lockname:mmap_lock"};
  CHECK(fingerprint_of(Kind::LockOrder, joined) != fingerprint_of(Kind::LockOrder, keys));
}

TEST_CASE("a finding has the same fingerprint whatever ids and order its run gave it") {
  const Judged one = judged("T1: A B; T2: B A");
  const Judged other = judged("T9: X Y; T2: B A; T1: A B");
  REQUIRE(one.findings().size() == 1);
  REQUIRE(other.findings().size() == 1);
  CHECK(one.findings()[0].fingerprint == other.findings()[0].fingerprint);
  CHECK(one.findings()[0].title == other.findings()[0].title);
}
