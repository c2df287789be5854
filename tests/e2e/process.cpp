#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace faultline::e2e {

namespace {

std::string typed(const Command& command) {
  std::string text;
  for (const std::string& setting : command.environment) text += quoted(setting) + " ";
  for (const std::string& argument : command.arguments) text += quoted(argument) + " ";
  text.pop_back();
  return text;
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::filesystem::path unused_name(const std::filesystem::path& directory) {
  for (int number = 1;; ++number) {
    std::filesystem::path stem = directory / std::to_string(number);
    if (!std::filesystem::exists(stem.string() + ".out")) return stem;
  }
}

[[noreturn]] void become(const Command& command, const std::filesystem::path& directory,
                         const std::string& stem) {
  setpgid(0, 0);
  // Programs that abort on purpose leave no core files behind.
  const rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const int in = open("/dev/null", O_RDONLY);
  const int out = open((stem + ".out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int err = open((stem + ".err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (in < 0 || out < 0 || err < 0) _exit(125);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  closefrom(3);
  if (chdir(directory.c_str()) != 0) _exit(125);
  unsetenv("LD_PRELOAD");
  unsetenv("FAULTLINE_OPTIONS");
  for (const std::string& setting : command.environment) putenv(const_cast<char*>(setting.c_str()));
  std::vector<char*> argv;
  for (const std::string& argument : command.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

// Whether the process ended within `limit`.
bool ended(pid_t child, std::chrono::milliseconds limit) {
  // Not pidfd_open(): the header of glibc 2.36 declares it without C linkage.
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  if (handle < 0) throw std::system_error(errno, std::generic_category(), "pidfd_open");
  pollfd wanted = {.fd = handle, .events = POLLIN, .revents = 0};
  const bool result = poll(&wanted, 1, static_cast<int>(limit.count())) == 1;
  close(handle);
  return result;
}

}  // namespace

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                          "-_./=:,+%@") == std::string::npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

Outcome run(const Command& command, const std::filesystem::path& directory) {
  const std::string stem = unused_name(directory);
  Outcome outcome;
  outcome.command = typed(command);
  std::ofstream(directory / "commands", std::ios::app) << outcome.command << '\n';

  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) become(command, directory, stem);
  setpgid(child, child);
  outcome.timed_out = !ended(child, command.timeout);
  // What the program left running ends with it, else it would write into the next test's run.
  kill(-child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  outcome.status = outcome.signal != 0 ? 128 + outcome.signal : WEXITSTATUS(status);
  outcome.out = contents(stem + ".out");
  outcome.err = contents(stem + ".err");
  return outcome;
}

}  // namespace faultline::e2e
