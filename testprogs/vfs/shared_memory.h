// Pages that belong to the model's kernel: a memfd with the kernel's own mapping of it.
//
// The page cache of an inode is one, of which users get further mappings; the kernel's mapping (the alias) is
// never registered with userfaultfd, so the file system works on a page without faulting. Touching the alias
// beyond size() is a SIGBUS.
#pragma once

#include <unistd.h>

#include <cstddef>

namespace tvfs {

inline const std::size_t kPageSize = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

class SharedMemory {
 public:
  // Up to `capacity` bytes (whole pages), of which none exist yet.
  SharedMemory(const char* name, std::size_t capacity);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  int fd() const { return fd_; }
  std::byte* alias() const { return alias_; }
  std::size_t capacity() const { return capacity_; }

  // The end of what exists, rounded up to whole pages. Shrinking takes the pages out of every mapping.
  void resize(std::size_t bytes);

  // The page at `offset` exists no more, in no mapping; the next touch of it is a missing page again.
  void drop_page(std::size_t offset);

 private:
  std::size_t capacity_;
  int fd_;
  std::byte* alias_;
};

}  // namespace tvfs
