// The ways in which one program is run to be compared.
#pragma once

#include <array>

namespace faultline::bench {

enum Setup {
  Native,
  Empty,     // the preload that only forwards: the price of interposition alone
  Watched,   // Faultline
  Tsan,      // ThreadSanitizer as it comes; the program must have been built with it
  Helgrind,  // Valgrind's, as it comes
};
inline constexpr std::array<const char*, 5> kSetupNames = {"native", "empty", "faultline", "tsan",
                                                           "helgrind"};
inline constexpr int kSetups = 5;
inline constexpr int kOwnSetups = 3;  // the first ones; the rest are peers, which a machine may lack

inline constexpr bool is_peer(Setup setup) {
  return setup >= kOwnSetups;
}

}  // namespace faultline::bench
