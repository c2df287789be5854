// What scenarios share: calls that must not fail, contents, and threads that hold each other up.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "data_check.h"
#include "mm.h"
#include "panic.h"
#include "schedule.h"
#include "vfs.h"

namespace tvfs {

inline std::byte* must_map(Mm& mm, Inode& inode, std::size_t pages, bool writable) {
  std::byte* const address = vm_mmap(mm, inode, pages * kPageSize, writable);
  if (address == nullptr) panic("mmap", errno);
  return address;
}

inline std::vector<std::byte> content_of(std::uint64_t seed, std::size_t n, std::size_t offset = 0) {
  std::vector<std::byte> bytes(n);
  fill_pattern(bytes, seed, offset);
  return bytes;
}

// A write of the contents `seed`, from memory that does not fault.
inline void write_content(DataCheck& data, Inode& inode, std::uint64_t seed, std::size_t n) {
  const std::vector<std::byte> bytes = content_of(seed, n);
  data.holds("write takes all bytes",
             vfs_write(inode, 0, bytes.data(), n, CopyBy::OwnAccess) == static_cast<ssize_t>(n));
}

// All of the file, as read(2) gives it.
inline std::vector<std::byte> read_back(Inode& inode) {
  std::vector<std::byte> bytes(inode.i_size);
  const ssize_t n = vfs_read(inode, 0, bytes.data(), bytes.size());
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

// Something that has happened, for who waits for it with locks held. It looks again and again: a condition
// variable would be a lock more in what validators see.
class Event {
 public:
  void happen() { happened_.store(true); }
  bool has_happened() const { return happened_.load(); }
  void wait() const {
    while (!happened_.load()) ::usleep(100);
  }

 private:
  std::atomic<bool> happened_{false};
};

// After Event::wait: gives the thread that was set free the time to come to its next wait. Nothing tells that
// a thread waits for a lock.
inline void let_it_wait() {
  ::usleep(50'000);
}

}  // namespace tvfs
