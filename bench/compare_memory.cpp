// The memory that watching takes: what a process has resident under Faultline beyond what it has native.
//
//   compare_memory EMPTY_PRELOAD SHIM
//
// One run of each: memory does not vary as time does. A watched run must have left a trace with two threads.
#include <cstdio>
#include <sstream>
#include <string>

#include "runner.h"

namespace {

using namespace faultline::bench;

constexpr double kMostAtRest = 1024 * 1024;
constexpr double kMostPerLock = 64;

struct Memory {
  double at_rest;
  double per_lock;
};

Memory measure(Runner& runner, const std::string& kind, Setup setup) {
  const std::string probe = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "memory_probe";
  std::istringstream answer(runner.run({.words = {probe, kind}}, setup)->output);
  Memory memory = {};
  answer >> memory.at_rest >> memory.per_lock;
  if (!answer || memory.at_rest <= 0) fatal("memory_probe gave no numbers");
  if (setup == Watched && runner.last_trace().threads < 2) fatal("the shim saw no second thread");
  return memory;
}

void print(const std::string& what, double native, double watched, double goal, const char* unit) {
  std::printf("%-36s %10.1f %12.1f %9.1f %6.0f %-4s %s\n", what.c_str(), native, watched, watched - native,
              goal, watched - native < goal ? "ok" : "over", unit);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) fatal("usage: compare_memory EMPTY_PRELOAD SHIM");
  Runner runner(argv[1], argv[2]);
  std::printf("%-36s %10s %12s %9s %6s\n", "memory", "native", "faultline", "more", "goal");
  for (const std::string kind : {"mutex", "rwlock", "spin", "nested"}) {
    const Memory native = measure(runner, kind, Native);
    const Memory watched = measure(runner, kind, Watched);
    if (kind == "mutex")
      print("a process with two threads, at rest", native.at_rest / 1024, watched.at_rest / 1024,
            kMostAtRest / 1024, "KiB");
    print("each " + (kind == "nested" ? "mutex taken inside another" : kind + " taken once"), native.per_lock,
          watched.per_lock, kMostPerLock, "bytes");
  }
  return 0;
}
