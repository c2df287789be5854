// The crash-safe writer of a trace: lines in a shared file mapping, complete up to the last whole line after
// SIGKILL at any moment.
//
// Lives inside the program under test, with that program's locks held. Hence: no lock but a bounded one
// around growth, no allocation, no libc but raw system calls, no file descriptor kept between calls (a
// program may close, reuse or count its descriptors). Constant-initialised, trivially destructible: it works
// before constructors and after destructors.
//
// Layout. The file grows by segments, each mapped where the kernel likes; a line never straddles two.
// `append` reserves its bytes with one atomic addition, then stores the newline, the text from its second
// byte, and last the first byte `{` with release order, so a reader of the file can tell a torn line from a
// whole one (docs/trace-format.md, "What a killed process leaves").
//
// Cost: one fetch_add and a memcpy; every 4 KiB to 16 MiB a segment (open, fallocate, mmap, close).
// Growth that fails (disk full, RLIMIT_FSIZE, file gone, 1 GiB reached) is no error for the program: that
// line and all later ones count as lost.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "trace_format.h"

namespace faultline {

// The numbers of the stats line. Bumped by whoever counts, any thread; shown in the trace by
// `TraceWriter::refresh_stats`.
struct TraceStats {
  static constexpr int kCounters = 5;
  static constexpr std::string_view kNames[kCounters] = {"threads", "locks", "dependencies", "faults",
                                                         "summarised"};
  std::array<std::atomic<std::uint64_t>*, kCounters> counters() {
    return {&threads, &locks, &dependencies, &faults, &summarised};
  }

  std::atomic<std::uint64_t> threads{0};
  std::atomic<std::uint64_t> locks{0};
  std::atomic<std::uint64_t> dependencies{0};
  std::atomic<std::uint64_t> faults{0};
  std::atomic<std::uint64_t> summarised{0};
  std::atomic<std::uint64_t> lost[kLostCauses]{};
};

class TraceWriter {
 public:
  // Creates `directory`/`exe_name`.`pid`.jsonl (a number is added if it exists) and writes `header`, then the
  // stats line. `directory` must be absolute: the program may change its own. Once, by one thread, before any
  // append. False: nothing can be recorded; `error()` is the errno.
  bool create(std::string_view directory, std::string_view exe_name, int pid, std::string_view header);

  // Appends one line (no newline in it, less than 64 KiB). Any thread. False: lost, and counted as such.
  bool append(std::string_view line);

  // Counts something, or `count` of it, that is not recorded. The first of its cause shows in the trace at
  // once, later ones with the next refresh. Any thread.
  void lose(Lost cause, std::uint64_t count = 1);

  // Brings the stats line up to date. Any thread; a few stores.
  void refresh_stats();

  // Cuts the file behind its last line, at an orderly end. Later appends grow it again.
  void trim();

  // In a forked child: forgets the parent's file, which stays the parent's. The next `create` starts the
  // child's own.
  void abandon();

  // Whether nothing more can be recorded: the largest size is reached, or the file could not grow.
  bool is_full() const { return full_.load(std::memory_order_relaxed); }

  bool is_open() const { return current_.load(std::memory_order_acquire) != nullptr; }
  int error() const { return error_; }
  const char* path() const { return path_; }

  TraceStats stats;

 private:
  struct Segment {
    char* base;
    std::size_t size;
    std::uint64_t file_offset;
    std::atomic<std::size_t> used;
  };
  static constexpr std::size_t kFirstSegment = 4 << 10;  // most processes of a build or a script take no lock
  static constexpr std::size_t kSecondSegment = 64 << 10;
  static constexpr std::size_t kLargestSegment = 16 << 20;
  static constexpr int kMaxSegments = 72;  // 1 GiB in all: a runaway program must not fill the disk
  static constexpr int kStatsWidth = 12;

  bool map_segment(int fd, std::uint64_t offset, std::size_t size);
  bool grow(const Segment* full);
  bool reserve(int fd, std::uint64_t offset, std::size_t size);
  void write_stats_line();

  std::atomic<Segment*> current_{nullptr};
  std::atomic<bool> growing_{false};
  std::atomic<bool> full_{false};
  Segment segments_[kMaxSegments]{};
  int segment_count_ = 0;
  int error_ = 0;
  char path_[4096]{};
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  char* stat_digits_[TraceStats::kCounters + kLostCauses]{};  // last digit of each number of the stats line
};
static_assert(std::is_trivially_destructible_v<TraceWriter>);

}  // namespace faultline
