// Page faults of programs that serve none, sampled by perf (faults=perf): each belongs to exactly the locks
// that were held.
#include <doctest/doctest.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "report.h"

using namespace faultline::e2e;

namespace {

// The functions and variables of a program, by their place in it.
class Symbols {
 public:
  explicit Symbols(const Path& program) : program_(program) {
    const Outcome outcome =
        run({.arguments = {"nm", "-C", "--defined-only", "--format=posix", program_.string()},
             .environment = {}});
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) {
      // NAME TYPE VALUE [SIZE], where a demangled name may have spaces.
      std::istringstream words(line);
      std::vector<std::string> all;
      for (std::string word; words >> word;) all.push_back(word);
      if (all.size() < 4) continue;
      names_[std::stoull(all[all.size() - 2], nullptr, 16)] = all.front().substr(0, all.front().find('('));
    }
  }

  std::string at(std::uint64_t offset) const {
    const auto after = names_.upper_bound(offset);
    return after == names_.begin() ? "?" : std::prev(after)->second;
  }
  const Path& program() const { return program_; }

 private:
  Path program_;
  std::map<std::uint64_t, std::string> names_;
};

// A fault as the trace has it, in names.
struct SeenFault {
  std::vector<std::string> held;       // outermost first
  std::vector<std::string> functions;  // of the program, innermost first
  Json facts;
};

std::vector<SeenFault> faults_in(const Path& trace, const Symbols& symbols) {
  std::map<std::uint64_t, Json> held, locks, stacks;
  std::uint64_t program = 0;
  std::vector<SeenFault> faults;
  for (const Json& record : records_of(trace)) {
    const std::string type = record.at("t");
    if (type == "held") held[record.at("id")] = record;
    if (type == "lock") locks[record.at("id")] = record;
    if (type == "stack") stacks[record.at("id")] = record;
    if (type == "module" && Path(record.at("path").get<std::string>()) == symbols.program())
      program = record.at("id");
    if (type != "dep" || record.at("cause") != "fault") continue;
    SeenFault fault;
    fault.facts = record.at("fault");
    CHECK(locks.at(record.at("to")).at("kind") == "mmap_lock");
    CHECK(record.at("mode") == "shared-fair");
    for (std::uint64_t node = record.at("under"); node != 0; node = held.at(node).at("under")) {
      const Json& where = locks.at(held.at(node).at("lock")).at("static");
      REQUIRE(where[0] == program);
      fault.held.insert(fault.held.begin(), symbols.at(where[1]));
    }
    for (const Json& frame : stacks.at(record.at("stack")).at("frames"))
      if (frame[0] == program) fault.functions.push_back(symbols.at(frame[1]));
    faults.push_back(fault);
  }
  return faults;
}

// The state of the source `name`, and why, as the trace has it last.
std::pair<std::string, std::string> source(const Path& trace, const std::string& name) {
  std::pair<std::string, std::string> found;
  for (const Json& record : records_of(trace))
    if (record.at("t") == "source" && record.at("name") == name)
      found = {record.at("state"), record.at("why")};
  return found;
}

// Whether perf's rings can be had here at all; else says why not.
bool perf_is_there() {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.exclude_kernel = 1;
  const long fd = syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (fd < 0) {
    skip("perf_event_open is not permitted");
    return false;
  }
  close(static_cast<int>(fd));
  return true;
}

std::vector<SeenFault> faults_of(const std::string& name, const Arguments& arguments,
                                 const std::string& options) {
  const Path traces = work_dir() / "traces";
  Arguments words{program(name)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const Outcome outcome = run(preloaded(words, traces, options));
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  // A child that only waits for its end leaves none.
  REQUIRE(traces_in(traces).size() == 1);
  const Path trace = traces_in(traces).front();
  CHECK(source(trace, "perf").first == "on");
  return faults_in(trace, Symbols(program(name)));
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("faults=perf: a fault belongs to exactly the locks held at its time") {
  if (!perf_is_there()) return;
  std::map<std::string, std::set<Names>> held_in;
  for (const SeenFault& fault : faults_of("shapes/fault_sets", {}, "faults=perf")) {
    REQUIRE(fault.functions.size() >= 3);
    if (fault.functions[0].rfind("touch_", 0) != 0) continue;
    CHECK(fault.functions[1] == "round");
    CHECK(fault.functions[2] == "main");
    CHECK(fault.facts.at("origin") == "user");
    CHECK(fault.facts.at("access") == "unknown");
    CHECK(fault.facts.at("stack_from") == "registers");
    CHECK(fault.facts.at("service") == 0);
    held_in[fault.functions[0]].insert(fault.held);
  }
  // None for what was touched before the locks and after.
  const std::map<std::string, std::set<Names>> expected{{"touch_under_outer", {{"outer_lock"}}},
                                                        {"touch_under_both", {{"outer_lock", "inner_lock"}}},
                                                        {"touch_under_outer_again", {{"outer_lock"}}}};
  CHECK(held_in == expected);
}

TEST_CASE("faults=perf: faults of every sort under a lock are seen, the kernel's own copies too") {
  if (!perf_is_there()) return;
  std::map<std::string, std::string> origins;
  for (const SeenFault& fault : faults_of("shapes/fault_kinds", {}, "faults=perf")) {
    CHECK(fault.held == Names{"table_lock"});
    // None of the program's where libc's own frames fill the piece of the stack (printf's buffer).
    if (!fault.functions.empty()) origins[fault.functions.front()] = fault.facts.at("origin");
  }
  for (const char* name :
       {"write_fresh_memory", "read_cached_file", "write_private_copy", "write_after_fork"}) {
    CAPTURE(name);
    CHECK(origins[name] == "user");
  }
  if (geteuid() == 0) CHECK(origins["read_into_fresh_buffer"] == "kernel-copy");
}

TEST_CASE("faults=perf: what was touched before the lock was taken does not fault under it") {
  if (!perf_is_there()) return;
  for (const SeenFault& fault : faults_of("shapes/fault_kinds", {"before"}, "faults=perf")) {
    if (fault.functions.empty()) continue;
    CAPTURE(fault.functions.front());
    CHECK(fault.functions.front() != "write_fresh_memory");
    CHECK(fault.functions.front() != "read_cached_file");
    CHECK(fault.functions.front() != "write_private_copy");
    CHECK(fault.functions.front() != "write_after_fork");
    CHECK(fault.functions.front() != "read_into_fresh_buffer");
  }
}

TEST_CASE("faults=perf without stacks: the instruction itself is what is known of a fault") {
  if (!perf_is_there()) return;
  std::set<std::string> seen;
  for (const SeenFault& fault : faults_of("shapes/fault_sets", {}, "faults=perf:stacks=0")) {
    REQUIRE(fault.functions.size() == 1);
    seen.insert(fault.functions[0]);
  }
  for (const char* name : {"touch_under_outer", "touch_under_both", "touch_under_outer_again"}) {
    CAPTURE(name);
    CHECK(seen.count(name) == 1);
  }
  CHECK(seen.count("touch_before") == 0);
  CHECK(seen.count("touch_after") == 0);
}

TEST_CASE("faults=auto: a program that serves no faults has none recorded, and the trace says why") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(preloaded({program("shapes/fault_sets")}, traces));
  CHECK(outcome.out == "touched\n");
  const Path trace = traces_in(traces).front();
  CHECK(source(trace, "perf").first == "off");
  CHECK(faults_in(trace, Symbols(program("shapes/fault_sets"))).empty());
}

namespace {

// The command behind another one, which is not watched itself.
Command behind(const Arguments& launcher, const Command& command) {
  Command all{.arguments = launcher, .environment = {}};
  all.arguments.push_back("env");
  all.arguments.insert(all.arguments.end(), command.environment.begin(), command.environment.end());
  all.arguments.insert(all.arguments.end(), command.arguments.begin(), command.arguments.end());
  return all;
}

const Arguments kAsNobody{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};

// A folder that anybody may write to; empty where this test cannot become nobody.
Path folder_for_nobody() {
  if (geteuid() != 0) {
    skip("only root can become another user");
    return {};
  }
  const Path traces = work_dir() / "traces";
  std::filesystem::create_directory(traces);
  for (const Path& folder : {work_dir(), traces})
    std::filesystem::permissions(folder, std::filesystem::perms::all);
  return traces;
}

}  // namespace

TEST_CASE(
    "faults=perf: without the right to watch the kernel, the program's own faults are seen, and it is said") {
  if (!perf_is_there()) return;
  const Path traces = folder_for_nobody();
  if (traces.empty()) return;
  const Outcome outcome =
      run(behind(kAsNobody, preloaded({program("shapes/fault_kinds")}, traces, "faults=perf")));
  CHECK(outcome.out == "x 4096\n");
  REQUIRE(traces_in(traces).size() == 1);
  const Path trace = traces_in(traces).front();
  const auto [state, why] = source(trace, "perf");
  if (state == "refused") return skip("perf_event_paranoid keeps perf from ordinary users");
  CHECK(state == "on");
  std::set<std::string> seen;
  for (const SeenFault& fault : faults_in(trace, Symbols(program("shapes/fault_kinds")))) {
    if (fault.facts.at("origin") == "kernel-copy") return skip("ordinary users may watch the kernel here");
    if (!fault.functions.empty()) seen.insert(fault.functions.front());
  }
  CHECK(why.rfind("user-mode faults only", 0) == 0);
  CHECK(seen.count("write_fresh_memory") == 1);
  CHECK(seen.count("read_into_fresh_buffer") == 0);
}

TEST_CASE("faults=perf: more threads than there is memory for rings run as ever, and it is said") {
  if (!perf_is_there()) return;
  const Path traces = folder_for_nobody();
  if (traces.empty()) return;
  Arguments launcher = kAsNobody;
  launcher.insert(launcher.end(), {"prlimit", "--memlock=0"});
  const Outcome outcome =
      run(behind(launcher, preloaded({program("shapes/fault_threads")}, traces, "faults=perf")));
  CHECK(outcome.out == "touched by 100 threads\n");
  CHECK(outcome.err.empty());
  REQUIRE(traces_in(traces).size() == 1);
  const Path trace = traces_in(traces).front();
  const auto [state, why] = source(trace, "perf");
  if (why.rfind("no memory left for perf rings", 0) != 0) return skip("perf_event_mlock_kb allows all rings");
  CHECK(state == "refused");
  // Those that came first have theirs.
  CHECK_FALSE(faults_in(trace, Symbols(program("shapes/fault_threads"))).empty());
  CHECK(analyze(traces).summary().at("sources").at("perf") == "refused");
}

TEST_CASE("faults=perf: where perf_event_open is refused, it is said once, and the rest is as ever") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(behind({program("hostile/without_perf")},
                                     preloaded({program("shapes/fault_sets")}, traces, "faults=perf")));
  if (skipped(outcome)) return;
  CHECK(outcome.out == "touched\n");
  CHECK(outcome.err ==
        "faultline: faults=perf: page faults are not watched: perf_event_open is not permitted "
        "(perf_event_paranoid, a container's filter)\n");
  REQUIRE(traces_in(traces).size() == 1);
  CHECK(source(traces_in(traces).front(), "perf").first == "refused");
  const Report report = analyze(traces);
  CHECK(report.summary().at("sources").at("perf") == "refused");
  CHECK(report.summary().at("edges") == 1);
}

TEST_CASE("faults=auto: where perf_event_open is refused, a served fault goes by the newest acquisition") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(behind({program("hostile/without_perf")},
                                     preloaded({program("shapes/uffd_lock_under_fault")}, traces)));
  if (skipped(outcome)) return;
  CHECK(outcome.out == "read x\n");
  CHECK(outcome.err.empty());
  const Report report = analyze(traces);
  CHECK(report.summary().at("sources").at("perf") == "refused");
  CHECK(only_finding(report).at("verdict") == "feasible");
  for (const Json& record : records_of(traces_in(traces).front()))
    if (record.contains("fault")) CHECK(record.at("fault").at("stack_from") == "last-recorded");
}

// What a preload must not break, it must not break with a ring in every thread either.
TEST_CASE("faults=perf: the hostile and the stress programs behave as ever") {
  if (!perf_is_there()) return;
  Command again{.arguments = {std::filesystem::read_symlink("/proc/self/exe").string(), "--no-skip",
                              "--test-case=hostile: *,stress: *"},
                .environment = {"FAULTLINE_TEST_OPTIONS=faults=perf"}};
  again.timeout = std::chrono::seconds(160);
  const Outcome outcome = run(again);
  CAPTURE(outcome.out);
  CHECK(outcome.status == 0);
}
