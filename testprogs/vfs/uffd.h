// The model's page tables: what a real kernel lets a process decide about its own, through userfaultfd.
//
// A page the user touches and that is not mapped stops the thread with a message, whether the program or a
// system call touched it; so does the first store to a page mapped write-protected. Everything here works on
// mappings of a memfd. Safe from any thread.
#pragma once

#include <linux/userfaultfd.h>

#include <cstddef>
#include <cstdint>

namespace tvfs {

class Uffd {
 public:
  // Throws Skipped where faults of the real kernel's copies cannot be served (rights), or those of shared
  // memory (kernel).
  Uffd();
  ~Uffd();
  Uffd(const Uffd&) = delete;
  Uffd& operator=(const Uffd&) = delete;

  int fd() const { return fd_; }

  // False before Linux 6.4: a page can then only be mapped writable where its mapping is, so the model treats
  // the mapping of such a page as the first store to it (page_mkwrite comes early, and is never missed).
  bool can_map_write_protected() const { return can_map_write_protected_; }

  void watch(void* start, std::size_t length);

  // Maps the page of the memfd at `address` (page-aligned), which must exist, and lets whoever waits for it
  // go on.
  void map_page(std::uintptr_t address, bool writable);

  // The next store to the page at `address` faults.
  void write_protect(std::uintptr_t address);

  // Stores to the mapped page at `address` pass; whoever waits for that goes on.
  void make_writable(std::uintptr_t address);

  // Whoever waits for the page tries again.
  void wake(std::uintptr_t address);

  // The next message, or false where none is pending (another thread's wake took it back).
  bool next(uffd_msg& message);

 private:
  void set_protection(std::uintptr_t address, std::uint64_t mode, const char* what);

  int fd_;
  bool can_map_write_protected_ = false;
};

}  // namespace tvfs
