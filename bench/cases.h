// What the measured programs share: how one operation is timed, and the command line their driver speaks.
//
//   PROGRAM --list    one line per case, its fields (Case) separated by tabs
//   PROGRAM CASE      "NANOSECONDS OBJECT": the cost of one operation, and the file whose pthread_mutex_lock
//   this process calls
//
// The same binary runs native and under every shim; it knows of none. Every case begins with one nested
// acquisition, so a shim that says it watched has at least one dependency to show (the driver asks).
#pragma once

#include <pthread.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace cases {

// What an operation may cost under Faultline, as a multiple of native: the median over the rounds.
constexpr double kNoGoal = 0;
constexpr double kWithinNoise = 1;  // the quartiles must reach down to native: more than that is noise

// Whether a case means something under peers that need a rebuild or an emulator.
enum class Peers {
  All,
  None,  // what the case measures happens in a program that was neither rebuilt nor is emulated
};

struct Case {
  const char* name;
  int processors;
  double goal;
  const char* what;
  double (*run)();  // nanoseconds per operation
  Peers peers = Peers::All;
};

// Monotonic time in nanoseconds.
double now();

// Makes the process one with threads, by one that sleeps for ever: glibc locks without an atomic instruction
// while a process has never had a second thread.
void park_a_thread();

// Which of several chunks of a measurement counts.
enum class Chunk {
  Fastest,  // interference only ever adds time
  Median,   // where two threads are to meet, the fastest chunk is the one in which they did not
};

// Nanoseconds of one call of `operation`, which is called with 0, 1, 2, ... A chunk is so long that reading
// the clock does not show, and shorter than the slices in which a loaded machine hands out its processors:
// its count of calls, at first `count`, doubles until nine chunks in a row take a millisecond or more. All
// calls come from one place and through one call stack: a shim may take the same lock from two places for two
// things.
template <Chunk which = Chunk::Fastest, class Operation>
double measure(Operation operation, std::uint64_t count = 100) {
  constexpr double chunk_nanoseconds = 1e6;
  std::array<double, 9> chunks;
  std::uint64_t next = 0;
  for (std::size_t done = 0; done < chunks.size();) {
    const double start = now();
    for (const std::uint64_t end = next + count; next != end; ++next) operation(next);
    chunks[done++] = now() - start;
    if (chunks[done - 1] < chunk_nanoseconds) {
      count *= 2;
      done = 0;
    }
  }
  std::sort(chunks.begin(), chunks.end());
  return chunks[which == Chunk::Fastest ? 0 : chunks.size() / 2] / static_cast<double>(count);
}

// `measured` with one lock held throughout, so that every operation may be a dependency, though always the
// same one.
template <double (*measured)()>
double under_a_lock() {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  const double result = measured();
  pthread_mutex_unlock(&lock);
  return result;
}

// The main function of a program of cases; gives its exit status.
int main_of(std::span<const Case> all, int argc, char** argv);

}  // namespace cases
