// What this machine lets Faultline do: each question is asked by doing the thing, not by guessing from
// versions. No check changes anything; what it opens or makes is gone when it returns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace faultline {

enum class Works : std::uint8_t { Yes, Partly, No };

constexpr std::string_view spelling(Works w) {
  constexpr std::string_view names[] = {"works", "partly", "missing"};
  return names[static_cast<int>(w)];
}

struct Check {
  std::string_view name;
  Works works = Works::Yes;
  std::string found;  // what was found, a phrase
  std::string lost;   // what a user goes without; empty where nothing
};

Check check_perf();         // perf events: exact stacks of page faults
Check check_userfaultfd();  // whether programs that serve page faults can do so here
Check check_libc();         // what stacks can be walked with
Check check_symbols();      // names of code in stripped libraries
Check check_traces();       // whether `run` and a bare preload can write here
Check check_sandbox();      // seccomp filters and containers, which refuse system calls

}  // namespace faultline
