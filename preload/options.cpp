#include "options.h"

#include <sys/syscall.h>

#include <cstring>
#include <string_view>

#include "raw_syscall.h"
#include "runtime.h"

namespace faultline {

constinit Options options{.out = "faultline-out",
                          .run = "",
                          .include = "",
                          .exclude = "",
                          .faults = Faults::Auto,
                          .storm_budget = 256,
                          .on_deadlock = OnDeadlock::Report,
                          .verbosity = 0,
                          .inline_locks = true,
                          .stacks = true,
                          .enabled = true};

namespace {

template <std::size_t N>
bool copy(char (&to)[N], std::string_view value) {
  if (value.empty() || value.size() >= N) return false;
  std::memcpy(to, value.data(), value.size());
  to[value.size()] = '\0';
  return true;
}

bool set_flag(bool& flag, std::string_view value) {
  if (value != "0" && value != "1") return false;
  flag = value == "1";
  return true;
}

bool set_faults(std::string_view value) {
  constexpr std::string_view names[] = {"auto", "perf", "uffd", "off", "storm"};
  for (int i = 0; i < 5; ++i)
    if (value == names[i]) {
      options.faults = static_cast<Faults>(i);
      return true;
    }
  return false;
}

// A whole number from 1 to `most`.
bool set_number(unsigned& number, std::string_view value, unsigned most) {
  if (value.empty() || value.size() > 9) return false;
  unsigned result = 0;
  for (const char digit : value) {
    if (digit < '0' || digit > '9') return false;
    result = 10 * result + static_cast<unsigned>(digit - '0');
  }
  if (result == 0 || result > most) return false;
  number = result;
  return true;
}

bool set_on_deadlock(std::string_view value) {
  if (value != "report" && value != "kill") return false;
  options.on_deadlock = value == "kill" ? OnDeadlock::Kill : OnDeadlock::Report;
  return true;
}

struct Entry {
  const char* name;
  const char* help;
  bool (*set)(std::string_view value);
};

void list_options();

constexpr Entry kEntries[] = {
    {"out", "directory of the trace (default faultline-out)",
     [](std::string_view v) { return copy(options.out, v); }},
    {"run", "identifier written to the trace's header",
     [](std::string_view v) { return copy(options.run, v); }},
    {"include", "watch only these programs: globs over path or name, separated by commas",
     [](std::string_view v) { return copy(options.include, v); }},
    {"exclude", "do not watch these programs (as include, and wins)",
     [](std::string_view v) { return copy(options.exclude, v); }},
    {"faults", "auto, perf, uffd, storm or off: how page faults are watched (default auto)", set_faults},
    {"storm_budget", "MiB per second of shared mappings that faults=storm makes fault again (default 256)",
     [](std::string_view v) { return set_number(options.storm_budget, v, 1u << 20); }},
    {"inline_locks", "0: take every lock through libc's own function (default 1: free ones inline)",
     [](std::string_view v) { return set_flag(options.inline_locks, v); }},
    {"on_deadlock", "report or kill: what is done about a deadlock that has happened (default report)",
     set_on_deadlock},
    {"stacks", "0: record return addresses instead of call stacks (default 1)",
     [](std::string_view v) { return set_flag(options.stacks, v); }},
    {"enabled", "0: record nothing (default 1)",
     [](std::string_view v) { return set_flag(options.enabled, v); }},
    {"verbosity", "1: say at start what is being recorded, and where (default 0)",
     [](std::string_view v) {
       if (v != "0" && v != "1") return false;
       options.verbosity = v == "1";
       return true;
     }},
    {"help", "1: print this list",
     [](std::string_view v) {
       if (v != "1") return v == "0";
       list_options();
       return true;
     }},
};

void list_options() {
  say("FAULTLINE_OPTIONS is a list of key=value, separated by colons:");
  for (const Entry& entry : kEntries) {
    constexpr std::size_t kColumn = 14;
    char name[kColumn + 1];
    std::memset(name, ' ', kColumn);
    std::memcpy(name, entry.name, std::strlen(entry.name));
    name[kColumn] = '\0';
    say("  ", name, entry.help);
  }
}

void set_option(std::string_view item) {
  char shown[128];
  copy(shown, std::string_view(item.data(), item.size() < sizeof shown ? item.size() : sizeof shown - 1));
  const std::size_t equals = item.find('=');
  if (equals == std::string_view::npos) {
    say("FAULTLINE_OPTIONS: no '=' in '", shown, "'; ignored. help=1 lists the options");
    return;
  }
  const std::string_view key(item.data(), equals);
  const std::string_view value(item.data() + equals + 1, item.size() - equals - 1);
  for (const Entry& entry : kEntries) {
    if (key != entry.name) continue;
    if (!entry.set(value))
      say("FAULTLINE_OPTIONS: bad value in '", shown, "'; ignored. help=1 lists the options");
    return;
  }
  say("FAULTLINE_OPTIONS: no such option: '", shown, "'; ignored. help=1 lists the options");
}

void make_out_absolute() {
  if (options.out[0] == '/') return;
  char cwd[sizeof options.out];
  const long length = sys::call(SYS_getcwd, sys::as_long(cwd), sizeof cwd);  // counts the final NUL
  const std::size_t own = std::strlen(options.out);
  if (length <= 1 || static_cast<std::size_t>(length) + own + 1 > sizeof cwd) return;
  cwd[length - 1] = '/';
  std::memcpy(cwd + length, options.out, own + 1);
  std::memcpy(options.out, cwd, static_cast<std::size_t>(length) + own + 1);
}

}  // namespace

void read_options(const char* text) {
  std::string_view rest = text != nullptr ? text : "";
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string_view item(rest.data(), colon < rest.size() ? colon : rest.size());
    if (!item.empty()) set_option(item);
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  make_out_absolute();
}

}  // namespace faultline
