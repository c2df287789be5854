#include "trace_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/time_types.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstring>

#include "json_line.h"
#include "raw_syscall.h"

namespace faultline {
namespace {

using sys::as_long;

int open_file(const char* path, int flags) {
  return static_cast<int>(sys::call(SYS_openat, AT_FDCWD, as_long(path), flags | O_CLOEXEC, 0644));
}

void close_file(int fd) {
  sys::call(SYS_close, fd);
}

// Makes `path` and its parents as far as they are missing. Errors show when the file is created.
void make_directories(char* path) {
  for (char* p = path + 1;; ++p) {
    if (*p != '/' && *p != '\0') continue;
    const char kept = *p;
    *p = '\0';
    sys::call(SYS_mkdirat, AT_FDCWD, as_long(path), 0755);
    *p = kept;
    if (kept == '\0') return;
  }
}

// A growth that another thread began is waited for at most this long; the thread may be stopped or gone.
constexpr int kGrowthPatienceYields = 20000;

}  // namespace

bool TraceWriter::create(std::string_view directory, std::string_view exe_name, int pid,
                         std::string_view header) {
  if (directory.size() + exe_name.size() + 64 > sizeof path_) {
    error_ = ENAMETOOLONG;
    return false;
  }
  std::memcpy(path_, directory.data(), directory.size());
  path_[directory.size()] = '\0';
  make_directories(path_);

  int fd = -EEXIST;
  for (int attempt = 1; fd == -EEXIST && attempt < 1000; ++attempt) {
    char* p = path_ + directory.size();
    const auto put = [&p](std::string_view s) {
      p = static_cast<char*>(std::memcpy(p, s.data(), s.size())) + s.size();
    };
    const auto put_number = [&put](int value) {
      char digits[12];
      int n = sizeof digits;
      do {
        digits[--n] = static_cast<char>('0' + value % 10);
        value /= 10;
      } while (value > 0);
      put({digits + n, sizeof digits - n});
    };
    put("/");
    put(exe_name);
    put(".");
    put_number(pid);
    if (attempt > 1) {
      put(".");
      put_number(attempt);
    }
    put(kTraceSuffix);
    *p = '\0';
    fd = open_file(path_, O_RDWR | O_CREAT | O_EXCL);
  }
  if (fd < 0) {
    error_ = -fd;
    return false;
  }
  struct stat st;
  if (sys::call(SYS_fstat, fd, as_long(&st)) == 0) {
    device_ = st.st_dev;
    inode_ = st.st_ino;
  }
  const bool mapped = map_segment(fd, 0, kFirstSegment);
  close_file(fd);
  if (!mapped) return false;
  append(header);
  write_stats_line();
  return true;
}

bool TraceWriter::reserve(int fd, std::uint64_t offset, std::size_t size) {
  // Growing a file past RLIMIT_FSIZE would raise SIGXFSZ in the program.
  struct rlimit limit;
  if (sys::call(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, as_long(&limit)) == 0 && offset + size > limit.rlim_cur) {
    error_ = EFBIG;
    return false;
  }
  // Blocks must exist before they are mapped: a store into a hole on a full disk is SIGBUS.
  long result = sys::call(SYS_fallocate, fd, 0, static_cast<long>(offset), static_cast<long>(size));
  if (result == -EOPNOTSUPP) {
    static const char zeros[4096] = {};
    result = 0;
    for (std::size_t done = 0; done < size && result >= 0; done += sizeof zeros)
      result = sys::call(SYS_pwrite64, fd, as_long(zeros), sizeof zeros, static_cast<long>(offset + done));
  }
  if (result < 0) {
    error_ = static_cast<int>(-result);
    return false;
  }
  return true;
}

bool TraceWriter::map_segment(int fd, std::uint64_t offset, std::size_t size) {
  if (segment_count_ == kMaxSegments || !reserve(fd, offset, size)) return false;
  const long at = sys::call(SYS_mmap, 0, static_cast<long>(size), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                            static_cast<long>(offset));
  if (at < 0) {
    error_ = static_cast<int>(-at);
    return false;
  }
  Segment& segment = segments_[segment_count_++];
  segment.base = reinterpret_cast<char*>(at);
  segment.size = size;
  segment.file_offset = offset;
  segment.used.store(0, std::memory_order_relaxed);
  current_.store(&segment, std::memory_order_release);
  return true;
}

bool TraceWriter::grow(const Segment* full) {
  int patience = kGrowthPatienceYields;
  while (growing_.exchange(true, std::memory_order_acquire)) {
    if (current_.load(std::memory_order_acquire) != full) return true;
    if (--patience == 0) return false;
    sys::call(SYS_sched_yield);
  }
  bool grown = current_.load(std::memory_order_acquire) != full;
  if (!grown) {
    const int fd = open_file(path_, O_RDWR);
    if (fd >= 0) {
      struct stat st;
      // Another file may have come under this name (a new root, a cleaned directory): then it is not ours to
      // write to.
      const bool ours =
          sys::call(SYS_fstat, fd, as_long(&st)) == 0 && st.st_dev == device_ && st.st_ino == inode_;
      const std::size_t size = full->size < kSecondSegment    ? kSecondSegment
                               : full->size < kLargestSegment ? full->size * 2
                                                              : kLargestSegment;
      grown = ours && map_segment(fd, full->file_offset + full->size, size);
      close_file(fd);
    } else {
      error_ = -fd;
    }
    // Short of descriptors for a moment is not full.
    if (!grown && error_ != EMFILE && error_ != ENFILE) full_.store(true, std::memory_order_relaxed);
  }
  growing_.store(false, std::memory_order_release);
  return grown;
}

bool TraceWriter::append(std::string_view line) {
  const std::size_t needed = line.size() + 1;
  for (Segment* segment = current_.load(std::memory_order_acquire);
       segment != nullptr && needed <= kSecondSegment && !is_full();
       segment = current_.load(std::memory_order_acquire)) {
    // Looked at first, so that a full trace whose growth fails does not make `used` run away.
    if (segment->used.load(std::memory_order_relaxed) + needed <= segment->size) {
      const std::size_t at = segment->used.fetch_add(needed, std::memory_order_relaxed);
      if (at + needed <= segment->size) {
        char* to = segment->base + at;
        to[line.size()] = '\n';
        std::memcpy(to + 1, line.data() + 1, line.size() - 1);
        std::atomic_ref<char>(to[0]).store(line[0], std::memory_order_release);
        return true;
      }
    }
    if (!grow(segment)) break;
  }
  lose(Lost::TraceFull);
  return false;
}

void TraceWriter::write_stats_line() {
  char text[1024];
  JsonLine line(text, sizeof text);
  char* digits[TraceStats::kCounters + kLostCauses];
  int n = 0;
  line.begin("stats");
  for (const std::string_view key : TraceStats::kNames) digits[n++] = line.padded(key, 0, kStatsWidth);
  line.open("lost", '{');
  for (const std::string_view key : kLostNames) digits[n++] = line.padded(key, 0, kStatsWidth);
  line.close('}');
  const std::string_view whole = line.end();
  if (!append(whole)) return;
  // Found afterwards: behind a long header the line may have needed a segment of its own.
  const Segment* segment = current_.load(std::memory_order_acquire);
  char* const start = segment->base + segment->used.load(std::memory_order_relaxed) - (whole.size() + 1);
  for (int i = 0; i < n; ++i) stat_digits_[i] = start + (digits[i] - text);
  refresh_stats();
}

void TraceWriter::lose(Lost cause, std::uint64_t count) {
  if (count == 0) return;
  if (stats.lost[static_cast<int>(cause)].fetch_add(count, std::memory_order_relaxed) == 0) refresh_stats();
}

void TraceWriter::refresh_stats() {
  if (stat_digits_[0] == nullptr) return;
  const auto show = [this](int i, const std::atomic<std::uint64_t>& value) {
    JsonLine::overwrite_padded(stat_digits_[i], value.load(std::memory_order_relaxed), kStatsWidth);
  };
  int n = 0;
  for (const auto* counter : stats.counters()) show(n++, *counter);
  for (const auto& lost : stats.lost) show(n++, lost);
}

void TraceWriter::trim() {
  if (growing_.exchange(true, std::memory_order_acquire)) return;
  if (Segment* segment = current_.load(std::memory_order_acquire)) {
    // Saturated, the segment takes no more lines: a later append grows the file again, behind what is cut off
    // here.
    const std::size_t used = segment->used.exchange(segment->size, std::memory_order_acq_rel);
    const std::uint64_t end = segment->file_offset + (used < segment->size ? used : segment->size);
    struct stat st;
    if (sys::call(SYS_stat, as_long(path_), as_long(&st)) == 0 && st.st_dev == device_ && st.st_ino == inode_)
      sys::call(SYS_truncate, as_long(path_), static_cast<long>(end));
  }
  growing_.store(false, std::memory_order_release);
}

void TraceWriter::abandon() {
  for (int i = 0; i < segment_count_; ++i)
    sys::call(SYS_munmap, as_long(segments_[i].base), static_cast<long>(segments_[i].size));
  segment_count_ = 0;
  current_.store(nullptr, std::memory_order_release);
  growing_.store(false, std::memory_order_relaxed);
  full_.store(false, std::memory_order_relaxed);
  for (char*& digits : stat_digits_) digits = nullptr;
  for (auto* counter : stats.counters()) counter->store(0, std::memory_order_relaxed);
  for (auto& lost : stats.lost) lost.store(0, std::memory_order_relaxed);
}

}  // namespace faultline
