// Real traces against the format's JSON Schema, line by line.
#include <doctest/doctest.h>

#include <set>

#include "harness.h"
#include "json_schema.h"

using namespace faultline::e2e;

namespace {

using PlainJson = nlohmann::json;

class TraceSchema {
 public:
  TraceSchema()
      : text_(read_text(FAULTLINE_SOURCE_DIR "/docs/trace.schema.json")),
        document_(PlainJson::parse(text_)) {}

  // What is wrong with the record; empty if nothing. The schema lets unknown types and keys pass, as readers
  // must; a shim of this version has no business writing any.
  std::string wrong(const PlainJson& record) {
    std::string errors = schema_.errors(record.dump());
    if (!errors.empty()) return errors;
    const std::string type = record.at("t");
    types_.insert(type);
    const PlainJson& definitions = document_.at("definitions");
    if (!definitions.contains(type)) return "a record type that is not in the schema";
    for (const auto& [key, value] : record.items())
      if (!definitions.at(type).at("properties").contains(key))
        return "a key that is not in the schema: " + key;
    return {};
  }

  const std::set<std::string>& types_seen() const { return types_; }

 private:
  std::string text_;
  PlainJson document_;
  faultline::JsonSchema schema_{text_};
  std::set<std::string> types_;
};

void check_traces(TraceSchema& schema, const std::vector<Path>& traces) {
  REQUIRE_FALSE(traces.empty());
  for (const Path& trace : traces) {
    size_t line = 0;
    size_t bad = 0;
    for (const Json& record : records_of(trace)) {
      ++line;
      const std::string wrong = schema.wrong(PlainJson(record));
      INFO(trace.string() << ":" << line << ": " << record.dump());
      CHECK(wrong == "");
      // One finding says it all; a systematic one would drown the log.
      if (!wrong.empty() && ++bad == 3) return;
    }
  }
}

}  // namespace

TEST_CASE("schema: every line of real traces is valid, and every record type is met") {
  TraceSchema schema;
  for (const char* name :
       {"shapes/abba", "shapes/abba_c", "shapes/abba_named", "shapes/abba_readers_blocked",
        "shapes/abba_fair_readers_writer", "shapes/abba_then_sigkill", "shapes/abba_all_timed",
        "shapes/cond_relock", "shapes/recursive_relock", "shapes/reuse_std_mutex", "shapes/spin_abba",
        "hostile/fork_while_locked", "hostile/cancellation", "hostile/return_codes",
        "hostile/shared_between_processes"}) {
    const Path traces = work_dir() / Path(name).filename();
    run(preloaded({program(name)}, traces));
    check_traces(schema, traces_in(traces));
  }
  for (const char* type : {"trace", "stats", "source", "module", "stack", "thread", "exit", "join", "lock",
                           "name", "held", "dep", "end"}) {
    INFO(type);
    CHECK(schema.types_seen().contains(type));
  }
}

TEST_CASE("schema: every line of traces with page faults is valid") {
  TraceSchema schema;
  const Path traces = work_dir() / "traces";
  for (const char* name : {"shapes/uffd_lock_under_fault", "shapes/uffd_kernel_copy"})
    if (skipped(run(preloaded({program(name)}, traces)))) return;
  for (const char* variant : {"broken", "pre-mmap", "no-convert"})
    if (skipped(run(preloaded({program("vfs/tvfs"), "ext4-mmap-inline", std::string("--variant=") + variant},
                              traces))))
      return;
  check_traces(schema, traces_in(traces));
  CHECK(schema.types_seen().contains("range"));
  CHECK(schema.types_seen().contains("role"));
}

TEST_CASE("schema: every line of traces of changes of the mappings, and of storms, is valid") {
  TraceSchema schema;
  const Path traces = work_dir() / "traces";
  run(preloaded({program("shapes/mapping_calls")}, traces));
  run(preloaded({program("shapes/malloc_under_lock")}, traces, "faults=perf"));
  run(preloaded({program("shapes/storm_page")}, traces, "faults=storm"));
  run(preloaded({program("shapes/storm_index"), "events"}, traces, "faults=storm"));
  check_traces(schema, traces_in(traces));
}

TEST_CASE("schema: every line of traces of deadlocks is valid") {
  TraceSchema schema;
  for (const char* name : {"shapes/deadlock_abba", "shapes/deadlock_holder_exited", "shapes/stall_semaphore",
                           "shapes/deadlock_join"}) {
    const Path traces = work_dir() / Path(name).filename();
    run({.arguments = {program(name)},
         .environment = {"LD_PRELOAD=" FAULTLINE_PRELOAD,
                         "FAULTLINE_OPTIONS=on_deadlock=kill:out=" + traces.string()}});
    check_traces(schema, traces_in(traces));
  }
  CHECK(schema.types_seen().contains("deadlock"));
}

TEST_CASE("schema: every line of traces of state is valid") {
  TraceSchema schema;
  const Path traces = work_dir() / "traces";
  run(preloaded({program("shapes/guarded_state"), "unguarded"}, traces));
  run(preloaded({program("shapes/assert_held"), "unlocked"}, traces));
  run(preloaded({program("shapes/assert_held"), "forbidden"}, traces));
  run(preloaded({program("shapes/tokens"), "taken_twice"}, traces));
  run(preloaded({program("shapes/served_state"), "unlocked"}, traces));
  run(preloaded({program("shapes/faults_disabled")}, traces));
  check_traces(schema, traces_in(traces));
  for (const char* type : {"state", "access", "assertion"}) CHECK(schema.types_seen().contains(type));
}

TEST_CASE("schema: the hand-written trace with every record type is valid") {
  TraceSchema schema;
  check_traces(schema, {FAULTLINE_SOURCE_DIR "/tests/fuzz/corpus/whole.jsonl"});
  CHECK(schema.types_seen().size() == 20);
}

TEST_CASE("schema: what the format forbids is refused") {
  TraceSchema schema;
  const PlainJson good = {{"t", "held"},         {"id", 1},   {"under", 0}, {"lock", 2},
                          {"mode", "exclusive"}, {"stack", 0}};
  CHECK(schema.wrong(good) == "");
  const PlainJson forbidden = {{"id", 0}, {"under", -1}, {"lock", "2"}, {"mode", "shared"}};
  for (const auto& [key, value] : forbidden.items()) {
    PlainJson bad = good;
    bad[key] = value;
    INFO(bad.dump());
    CHECK(schema.wrong(bad) != "");
  }
  PlainJson without_lock = good;
  without_lock.erase("lock");
  CHECK(schema.wrong(without_lock) != "");
}
