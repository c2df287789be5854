#include "launch.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "input_error.h"

namespace faultline {

namespace {

namespace fs = std::filesystem;

constexpr int kPassedOn[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};

volatile sig_atomic_t child = 0;

void pass_on(int signal, siginfo_t* info, void*) {
  const bool from_terminal = info->si_code == SI_KERNEL;
  const int saved = errno;
  if (child > 0 && !from_terminal) kill(child, signal);
  errno = saved;
}

// Passes signals on to the child from now on; while there is none they do nothing. They stay blocked until
// unblock(), when the child is known. Nothing puts the old dispositions back: whoever signals the program and
// then its group, as timeout does, would end this process amid its report.
class PassSignalsOn {
 public:
  PassSignalsOn() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : kPassedOn) sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, &mask_);
    struct sigaction action {};
    action.sa_sigaction = pass_on;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    for (const int signal : kPassedOn) {
      struct sigaction before {};
      sigaction(signal, nullptr, &before);
      // An ignored signal stays so, here and in the program: that is what nohup asks for.
      if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
    }
  }
  ~PassSignalsOn() { unblock(); }
  PassSignalsOn(const PassSignalsOn&) = delete;
  PassSignalsOn& operator=(const PassSignalsOn&) = delete;

  void unblock() const { sigprocmask(SIG_SETMASK, &mask_, nullptr); }
  const sigset_t& mask() const { return mask_; }

 private:
  sigset_t mask_;
};

std::string environment_value(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// A program built with AddressSanitizer refuses to start where any library comes before its runtime. Ours
// may: it passes every call on to what comes next. The program's other options stay, and its own word on
// this.
std::string asan_options() {
  constexpr std::string_view kKey = "verify_asan_link_order";
  std::string own = environment_value("ASAN_OPTIONS");
  if (own.find(kKey) != std::string::npos) return own;
  return own + (own.empty() ? "" : ":") + std::string(kKey) + "=0";
}

// The environment of this process with `preload` and `options` put in.
std::vector<std::string> environment_with(const std::string& preload, const std::string& options) {
  const std::pair<std::string, std::string> ours[] = {
      {"LD_PRELOAD=", preload}, {"FAULTLINE_OPTIONS=", options}, {"ASAN_OPTIONS=", asan_options()}};
  std::vector<std::string> result;
  for (char** entry = environ; *entry; ++entry)
    if (std::ranges::none_of(
            ours, [&](const auto& put) { return std::string_view(*entry).starts_with(put.first); }))
      result.emplace_back(*entry);
  for (const auto& [name, value] : ours) result.push_back(name + value);
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& s : strings) result.push_back(s.data());
  result.push_back(nullptr);
  return result;
}

std::string preload_value(const fs::path& library) {
  const std::string path = fs::absolute(library).string();
  if (path.find_first_of(" :\t") != std::string::npos)
    throw InputError(path +
                     ": the dynamic linker cannot preload from a path with spaces or colons; move the "
                     "installation, or name a copy in FAULTLINE_PRELOAD_LIBRARY");
  const std::string others = environment_value("LD_PRELOAD");
  return others.empty() ? path : path + ":" + others;
}

std::string options_value(const std::vector<std::pair<std::string, std::string>>& options) {
  std::string value = environment_value("FAULTLINE_OPTIONS");
  for (const auto& [key, text] : options) {
    if (text.find(':') != std::string::npos)
      throw InputError("'" + text + "': FAULTLINE_OPTIONS cannot express a colon; choose another " +
                       (key == "out" ? "folder with -o" : "--" + key));
    value += (value.empty() ? "" : ":") + key + "=" + text;
  }
  return value;
}

int status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace

fs::path find_preload_library() {
  if (const std::string named = environment_value("FAULTLINE_PRELOAD_LIBRARY"); !named.empty()) {
    if (!fs::exists(named))
      throw InputError("FAULTLINE_PRELOAD_LIBRARY names " + named + ", which is not there");
    return fs::absolute(named);
  }
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path places[] = {here / "libfaultline.so",
                             here.parent_path() / FAULTLINE_INSTALL_LIBDIR / "faultline" / "libfaultline.so"};
  std::string looked_at;
  for (const fs::path& place : places) {
    if (fs::exists(place)) return place;
    looked_at += (looked_at.empty() ? "" : " and ") + place.string();
  }
  throw InputError("libfaultline.so not found (looked at " + looked_at +
                   "); name it in FAULTLINE_PRELOAD_LIBRARY");
}

std::string new_run_id() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  char id[48];
  std::snprintf(id, sizeof id, "%llx-%x",
                now.tv_sec * 1'000'000'000ULL + static_cast<unsigned long long>(now.tv_nsec),
                static_cast<unsigned>(getpid()));
  return id;
}

LaunchResult launch(const Launch& what) {
  std::vector<std::string> words = what.command;
  std::vector<std::string> settings =
      environment_with(preload_value(what.library), options_value(what.options));
  const std::vector<char*> arguments = pointers(words);
  const std::vector<char*> environment = pointers(settings);

  const PassSignalsOn signals;
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &signals.mask());
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error =
      posix_spawnp(&pid, arguments[0], nullptr, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  if (error) {
    std::fprintf(stderr, "faultline: %s: %s\n", arguments[0], std::strerror(error));
    return {.started = false, .status = error == ENOENT ? 127 : 126};
  }
  child = pid;
  signals.unblock();
  // While it is a zombie its number cannot be another process's, which a late signal would hit.
  siginfo_t ended{};
  while (waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  child = 0;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw InputError(std::string("lost sight of the program: ") + std::strerror(errno));
  return {.started = true, .status = status_of(status)};
}

}  // namespace faultline
