#include "runner.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace faultline::bench {
namespace {

namespace fs = std::filesystem;

// The last processors are the quieter ones: interrupts tend to be served by the first.
void pin(int processors) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && processors > 0; --cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    CPU_SET(cpu, &chosen);
    --processors;
  }
  sched_setaffinity(0, sizeof chosen, &chosen);
}

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

// In the child. The program starts with an environment of which only the preload differs between setups.
[[noreturn]] void become(const std::vector<std::string>& command, const std::string& preload,
                         const std::string& options, int processors, int input, int output) {
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  pin(processors);
  unsetenv("LD_PRELOAD");
  if (!preload.empty()) setenv("LD_PRELOAD", preload.c_str(), 1);
  setenv("FAULTLINE_OPTIONS", options.c_str(), 1);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  std::fprintf(stderr, "%s: %s\n", arguments[0], std::strerror(errno));
  _exit(127);
}

// The number after "key": in the stats line, which the writer pads with spaces.
long counter(const std::string& line, const std::string& key) {
  const auto at = line.find("\"" + key + "\":");
  if (at == std::string::npos) fatal("the stats line of the trace has no \"" + key + "\"");
  return std::strtol(line.c_str() + at + key.size() + 3, nullptr, 10);
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const auto above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (at - std::floor(at));
}

}  // namespace

void fatal(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

Runner::Runner(const fs::path& empty, const fs::path& shim) {
  std::string name = (fs::temp_directory_path() / "faultline-bench.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) fatal("cannot make a folder " + name + ": " + std::strerror(errno));
  folder_ = name;
  fs::create_directory(folder_ / "traces");
  for (const auto& [setup, library_path] : {std::pair{Empty, empty}, std::pair{Watched, shim}}) {
    if (!fs::exists(library_path)) fatal(library_path.string() + " is not there; build it first");
    fs::create_symlink(fs::absolute(library_path), folder_ / library(setup));
  }
}

Runner::~Runner() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string Runner::library(Setup setup) const {
  return setup == Native ? "" : std::string("lib") + kSetupNames[setup] + ".so";
}

Run Runner::run(const std::vector<std::string>& command, Setup setup, int processors,
                const std::string& input, bool discard_output) {
  const fs::path traces = folder_ / "traces";
  if (setup == Watched) {
    for (const auto& entry : fs::directory_iterator(traces)) fs::remove(entry);
  }
  const std::string preload = setup == Native ? "" : (folder_ / library(setup)).string();
  const std::string options = "out=" + traces.string();

  int channel[2];
  if (pipe2(channel, O_CLOEXEC) != 0) fatal(std::string("pipe: ") + std::strerror(errno));
  const int source = open(input.empty() ? "/dev/null" : input.c_str(), O_RDONLY | O_CLOEXEC);
  const int sink = discard_output ? open("/dev/null", O_WRONLY | O_CLOEXEC) : channel[1];
  if (source < 0 || sink < 0) fatal("cannot open " + input + ": " + std::strerror(errno));

  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child < 0) fatal(std::string("fork: ") + std::strerror(errno));
  if (child == 0) become(command, preload, options, processors, source, sink);
  close(source);
  close(channel[1]);
  if (discard_output) close(sink);

  Run result = {};
  char buffer[4096];
  for (ssize_t n; (n = read(channel[0], buffer, sizeof buffer)) > 0;)
    result.output.append(buffer, static_cast<std::size_t>(n));
  close(channel[0]);
  int status = 0;
  rusage usage = {};
  if (wait4(child, &status, 0, &usage) != child) fatal(std::string("wait4: ") + std::strerror(errno));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fatal(command[0] + " (" + kSetupNames[setup] + ") ended with wait status " + std::to_string(status));
  result.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.processor_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  return result;
}

TraceStats Runner::last_trace() const {
  TraceStats total = {};
  bool found = false;
  for (const auto& entry : fs::directory_iterator(folder_ / "traces")) {
    std::ifstream file(entry.path());
    std::string header;
    std::string stats;
    if (!std::getline(file, header) || !std::getline(file, stats)) continue;
    found = true;
    total.threads += counter(stats, "threads");
    total.dependencies += counter(stats, "dependencies");
  }
  if (!found) fatal("the watched program left no trace: the shim was not in its way");
  return total;
}

double median(std::vector<double> values) {
  return quantile(std::move(values), 0.5);
}

Ratio ratio(const Rounds& rounds, Setup setup, Setup base) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < rounds[setup].size(); ++i) ratios.push_back(rounds[setup][i] / rounds[base][i]);
  return {quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75)};
}

double difference(const Rounds& rounds, Setup setup, Setup base) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < rounds[setup].size(); ++i)
    differences.push_back(rounds[setup][i] - rounds[base][i]);
  return median(std::move(differences));
}

}  // namespace faultline::bench
