// Loading: files and folders, several processes, one run out of many.
#include <doctest/doctest.h>

#include <string>

#include "event_script.h"

using namespace faultline;

namespace {

std::string error_of(const std::filesystem::path& path) {
  try {
    load_model({&path, 1});
    return "";
  } catch (const InputError& error) {
    return error.what();
  }
}

std::string of_run(std::string trace, const std::string& run) {
  return trace.replace(trace.find(R"("run":"")"), 8, R"("run":")" + run + '"');
}

}  // namespace

TEST_CASE("a folder gives its traces in the order of their names, with ids of their own") {
  const TemporaryFolder folder;
  folder.write("b.2.jsonl", trace_text("T1: C D; T2: D C"));
  folder.write("a.1.jsonl", trace_text("T1: A B"));
  folder.write("notes.txt", "not a trace");
  const Model model = load_model({&folder.path(), 1});
  REQUIRE(model.processes.size() == 2);
  CHECK(model.processes[ProcessId{1}].file.ends_with("a.1.jsonl"));
  REQUIRE(model.locks.size() == 4);
  CHECK(model.locks[LockId{3}].name == "C");
  CHECK(model.locks[LockId{3}].number == 1);
  CHECK(model.locks[LockId{3}].process == ProcessId{2});
  const Dependency& last = model.dependencies[DependencyId{3}];
  CHECK(model.threads[last.thread].name == "T2");
  CHECK(model.threads[last.thread].process == ProcessId{2});
  CHECK(model.locks[last.to].name == "C");
  CHECK(model.locks[model.held[last.under].lock].name == "D");
  CHECK(outcome(judge(model, NoNames())) == "error feasible C -> D -> C");
}

TEST_CASE("locks of the same name in two processes make no cycle") {
  const TemporaryFolder folder;
  folder.write("a.1.jsonl", trace_text("T1: A B"));
  folder.write("b.2.jsonl", trace_text("T1: B A"));
  CHECK(outcome(judge(load_model({&folder.path(), 1}), NoNames())) == "");
}

TEST_CASE("one run of many in a folder") {
  const TemporaryFolder folder;
  folder.write("a.1.jsonl", of_run(trace_text("T1: A B"), "first"));
  folder.write("b.2.jsonl", of_run(trace_text("T1: C D"), "second"));
  const Model model = load_model({&folder.path(), 1}, "second");
  REQUIRE(model.processes.size() == 1);
  CHECK(model.locks[LockId{1}].name == "C");
  CHECK(load_model({&folder.path(), 1}, "third").processes.size() == 0);
}

TEST_CASE("input that cannot be used is said in one line") {
  const TemporaryFolder folder;
  const std::string here = folder.path().string();
  CHECK(error_of(folder.path()) ==
        here + ": no trace (*.jsonl) there; record one with: faultline run -- PROGRAM");
  CHECK(error_of(folder.path() / "missing") == here + "/missing: no such file or folder");
  CHECK(error_of(folder.write("empty.jsonl", "")) ==
        here + "/empty.jsonl: empty, not a trace; give a file that faultline recorded");
  folder.write("whole.jsonl", trace_text("T1: A B"));
  CHECK(error_of(folder.path()) == "");  // next to a whole one, the empty one is a warning
  folder.write("broken.jsonl", trace_text("T1: A B") + "{\"t\":\n");
  CHECK(error_of(folder.path()).find(here + "/broken.jsonl:") == 0);
}

TEST_CASE("the summary counts what the traces say, lost records and sources included") {
  std::string trace = trace_text("T1: A B; T2: B A -A -B C D");
  const std::string stats = R"("threads":0,"locks":0,"dependencies":0,"faults":0,"lost":{})";
  trace.replace(
      trace.find(stats), stats.size(),
      R"("threads":2,"locks":9,"dependencies":3,"faults":4,"lost":{"held":0,"stacks":3,"novel":1})");
  trace += R"({"t":"source","name":"perf","state":"off","why":""})"
           "\n";
  trace += R"({"t":"source","name":"perf","state":"refused","why":"perf_event_paranoid is 3"})"
           "\n";
  const Summary summary = judge(model_of_trace(trace), NoNames()).summary;
  CHECK(summary.processes == 1);
  CHECK(summary.threads == 2);
  CHECK(summary.locks == 9);
  CHECK(summary.classes == 4);
  CHECK(summary.edges == 3);
  CHECK(summary.faults == 4);
  CHECK(summary.lost == std::map<std::string, std::uint64_t>{{"stacks", 3}, {"novel", 1}});
  CHECK(summary.sources == std::map<std::string, std::string>{{"perf", "refused"}});
  CHECK(summary.source_why.at("perf") == "perf_event_paranoid is 3");
}
