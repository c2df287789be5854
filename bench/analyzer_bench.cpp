// The speed of the analysis on synthetic traces: reading them, and judging what was read.
//
// A trace has N dependencies of 8 threads over N/4 + 2 locks, each thread holding two locks when it takes the
// third, in an order that all threads keep: the usual case, a large program without a cycle. `Inverted` adds
// one thread that takes a tenth of the pairs the other way round, so that there are components to search and
// cycles to judge. Items per second are dependencies.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "judge.h"
#include "model.h"

namespace {

namespace fs = std::filesystem;

// No debug information: names would measure libdw. Every lock of these traces is named, so nothing is asked.
class NoNames : public faultline::FrameNames {
 public:
  std::vector<std::string> functions(const faultline::Frame&) const override { return {}; }
  std::string object(const faultline::Frame&) const override { return {}; }
};

std::string trace_text(std::uint64_t dependencies, bool inverted) {
  constexpr std::uint64_t threads = 8;
  const std::uint64_t locks = dependencies / 4 + 2;
  std::string text =
      R"({"t":"trace","format":"faultline-trace","version":1,"tool":"bench","run":"","pid":1,"ppid":0,"exe":"/bench","started":1,)"
      R"("arch":"x86_64","page_size":4096})"
      "\n"
      R"({"t":"stats","threads":8,"locks":1,"dependencies":1,"faults":0,"lost":{"trace_full":0,"reentered":0,"threads":0,"stacks":0,)"
      R"("held":0,"pending_faults":0,"server_log":0,"foreign":0}})"
      "\n"
      R"({"t":"module","id":1,"path":"/bench","build_id":"","base":"0x1000","start":"0x1000","end":"0x9000"})"
      "\n"
      R"({"t":"stack","id":1,"frames":[[1,64],[1,128],[1,256],[1,512]],"by":"unwind"})"
      "\n";
  const auto line = [&text](const std::string& record) { text += record + "\n"; };
  const auto n = [](std::uint64_t value) { return std::to_string(value); };
  for (std::uint64_t i = 1; i <= threads + 1; ++i)
    line(R"({"t":"thread","id":)" + n(i) + R"(,"tid":)" + n(i) +
         R"(,"parent":0,"parent_epoch":0,"name":"worker"})");
  for (std::uint64_t i = 1; i <= locks; ++i) {
    line(R"({"t":"lock","id":)" + n(i) +
         R"(,"kind":"mutex","type":"normal","addr":"0x10","init":1,"first":1})");
    line(R"({"t":"name","lock":)" + n(i) + R"(,"name":"lock_)" + n(i) + "\"}");
  }
  std::uint64_t held = 0;
  // One dependency with a held path of its own: `outer` and `middle` held, `inner` waited for.
  const auto nested = [&](std::uint64_t thread, std::uint64_t outer, std::uint64_t middle,
                          std::uint64_t inner) {
    for (const std::uint64_t lock : {outer, middle}) {
      ++held;
      line(R"({"t":"held","id":)" + n(held) + R"(,"under":)" + n(lock == outer ? 0 : held - 1) +
           R"(,"lock":)" + n(lock) + R"(,"mode":"exclusive","stack":1})");
    }
    line(R"({"t":"dep","thread":)" + n(thread) + R"(,"epoch":1,"under":)" + n(held) + R"(,"to":)" + n(inner) +
         R"(,"mode":"exclusive","stack":1,"cause":"call"})");
  };
  for (std::uint64_t i = 0; i < dependencies; ++i) {
    const std::uint64_t lock = i % (locks - 2) + 1;
    nested(i % threads + 1, lock, lock + 1, lock + 2);
  }
  if (inverted) {
    for (std::uint64_t lock = 1; lock + 2 <= locks; lock += 40) nested(threads + 1, lock + 2, lock + 1, lock);
  }
  return text;
}

// A trace on disk for as long as one benchmark runs.
class TraceFile {
 public:
  TraceFile(std::uint64_t dependencies, bool inverted)
      : path_(fs::temp_directory_path() / ("faultline-bench." + std::to_string(getpid()) + ".jsonl")) {
    std::ofstream(path_) << trace_text(dependencies, inverted);
  }
  ~TraceFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  faultline::Model load() const { return faultline::load_model(std::vector{path_}); }
  std::uintmax_t size() const { return fs::file_size(path_); }

 private:
  fs::path path_;
};

void read(benchmark::State& state) {
  const auto dependencies = static_cast<std::uint64_t>(state.range(0));
  const TraceFile trace(dependencies, false);
  for (auto _ : state) benchmark::DoNotOptimize(trace.load());
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(trace.size()));
}

void judge(benchmark::State& state, bool inverted) {
  const auto dependencies = static_cast<std::uint64_t>(state.range(0));
  const faultline::Model model = TraceFile(dependencies, inverted).load();
  std::size_t findings = 0;
  for (auto _ : state) findings = faultline::judge(model, NoNames()).findings.size();
  if ((findings > 0) != inverted) state.SkipWithError("the synthetic trace was judged wrongly");
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["findings"] = static_cast<double>(findings);
}

BENCHMARK(read)->RangeMultiplier(10)->Range(1'000, 1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(judge, ordered, false)
    ->RangeMultiplier(10)
    ->Range(1'000, 1'000'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(judge, inverted, true)
    ->RangeMultiplier(10)
    ->Range(1'000, 100'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
