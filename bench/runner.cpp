#include "runner.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

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

constexpr rlim_t kPeerSeconds = 20;

// Valgrind takes 12 descriptors for itself and lets a program set no limit but what remains. Servers tend to
// set theirs to 1024.
constexpr rlim_t kHelgrindDescriptors = 1024 + 12;

// What is the same for all setups is left as it is: the environments differ by what makes the setup alone.
void enter(Setup setup, const std::string& preload, const fs::path& folder, const std::string& options) {
  unsetenv("LD_PRELOAD");
  if (!preload.empty()) setenv("LD_PRELOAD", (folder / preload).c_str(), 1);
  setenv("FAULTLINE_OPTIONS",
         ("out=" + (folder / "traces").string() + (options.empty() ? "" : ":" + options)).c_str(), 1);
  // All else as it comes: the second that ThreadSanitizer sleeps at exit is not work.
  setenv("TSAN_OPTIONS", ("atexit_sleep_ms=0:log_path=" + (folder / "tsan").string()).c_str(), 1);
  if (!is_peer(setup)) return;
  const rlimit time = {.rlim_cur = kPeerSeconds, .rlim_max = kPeerSeconds};
  setrlimit(RLIMIT_CPU, &time);
  if (setup != Helgrind) return;
  const rlimit descriptors = {.rlim_cur = kHelgrindDescriptors, .rlim_max = kHelgrindDescriptors};
  setrlimit(RLIMIT_NOFILE, &descriptors);
}

std::vector<std::string> words_of(const Command& command, Setup setup, const fs::path& folder) {
  std::vector<std::string> words = command.words;
  if (setup == Helgrind) {
    const std::vector<std::string> tool = {"valgrind", "--tool=helgrind",
                                           "--log-file=" + (folder / "helgrind").string()};
    words.insert(words.begin(), tool.begin(), tool.end());
  }
  return words;
}

// In the child.
[[noreturn]] void become(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
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

}  // namespace

void fatal(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

Runner::Runner(const fs::path& empty, const fs::path& shim, std::string options)
    : options_(std::move(options)) {
  std::string name = (fs::temp_directory_path() / "faultline-bench.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) fatal("cannot make a folder " + name + ": " + std::strerror(errno));
  folder_ = name;
  scratch_ = folder_ / "scratch";
  fs::create_directory(folder_ / "traces");
  fs::create_directory(scratch_);
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
  return setup == Empty || setup == Watched ? std::string("lib") + kSetupNames[setup] + ".so" : "";
}

std::optional<Run> Runner::try_run(const Command& command, Setup setup) {
  if (setup == Watched) {
    for (const auto& entry : fs::directory_iterator(folder_ / "traces")) fs::remove(entry);
  }
  int channel[2];
  if (pipe2(channel, O_CLOEXEC) != 0) fatal(std::string("pipe: ") + std::strerror(errno));
  const int source = open(command.input.empty() ? "/dev/null" : command.input.c_str(), O_RDONLY | O_CLOEXEC);
  const int sink = command.discard_output ? open("/dev/null", O_WRONLY | O_CLOEXEC) : channel[1];
  if (source < 0 || sink < 0) fatal("cannot open " + command.input + ": " + std::strerror(errno));

  const std::vector<std::string> words = words_of(command, setup, folder_);
  const pid_t child = fork();
  if (child < 0) fatal(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    dup2(source, STDIN_FILENO);
    dup2(sink, STDOUT_FILENO);
    if (command.discard_errors || is_peer(setup))
      dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
    pin(command.processors);
    enter(setup, library(setup), folder_, options_);
    become(words);
  }
  close(source);
  close(channel[1]);
  if (command.discard_output) close(sink);
  bool served = true;
  if (command.load) {
    served = command.load(child);
    kill(child, SIGTERM);
  }

  Run result = {};
  char buffer[4096];
  for (ssize_t n; (n = read(channel[0], buffer, sizeof buffer)) > 0;)
    result.output.append(buffer, static_cast<std::size_t>(n));
  close(channel[0]);
  int status = 0;
  rusage usage = {};
  if (wait4(child, &status, 0, &usage) != child) fatal(std::string("wait4: ") + std::strerror(errno));
  if (!served || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    if (is_peer(setup)) return std::nullopt;
    fatal(words[0] + " (" + kSetupNames[setup] + ") ended with wait status " + std::to_string(status));
  }
  result.processor_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  return result;
}

Run Runner::run(const Command& command, Setup setup) {
  std::optional<Run> result = try_run(command, setup);
  if (!result) fatal(command.words[0] + " is not available under " + kSetupNames[setup]);
  return std::move(*result);
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
    total.locks += counter(stats, "locks");
    total.dependencies += counter(stats, "dependencies");
  }
  if (!found) fatal("the watched program left no trace: the shim was not in its way");
  return total;
}

}  // namespace faultline::bench
