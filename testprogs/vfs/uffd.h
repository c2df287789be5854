// The model's page tables: what a real kernel lets a process decide about its own, through userfaultfd.
//
// A page the user touches and that is not mapped stops the thread; so does the first store to a page mapped
// write-protected. What stops it is, by choice, a message that another thread reads, whether the program or a
// system call touched the page; or a SIGBUS in the thread itself, and then a system call that touches it
// fails with EFAULT. Everything here works on mappings of a memfd. Safe from any thread.
#pragma once

#include <linux/userfaultfd.h>

#include <cstddef>
#include <cstdint>

namespace tvfs {

// Who runs the model's fault path.
enum class FaultsBy {
  Handler,  // one thread for all, by messages: faults of system calls too
  Sigbus,   // the thread that faulted, in a signal handler: as in a kernel, it holds what it holds
};

class Uffd {
 public:
  // Throws Skipped where this machine does not permit or have what is asked for.
  explicit Uffd(FaultsBy served_by);
  ~Uffd();
  Uffd(const Uffd&) = delete;
  Uffd& operator=(const Uffd&) = delete;

  int fd() const { return fd_; }
  FaultsBy served_by() const { return served_by_; }

  // False before Linux 6.4: a page can then only be mapped writable where its mapping is, so the model treats
  // the mapping of such a page as the first store to it (page_mkwrite comes early, and is never missed).
  bool can_map_write_protected() const { return can_map_write_protected_; }

  // Throws Skipped where a fault that cannot be served could not be told to the thread that waits.
  void require_failing_faults() const;

  void watch(void* start, std::size_t length);

  // Maps the page of the memfd at `address` (page-aligned) and lets whoever waits for it go on. The page
  // must exist, else (it was truncated meanwhile) they only try again.
  void map_page(std::uintptr_t address, bool writable);

  // The next store to the page at `address` faults.
  void write_protect(std::uintptr_t address);

  // Stores to the mapped page at `address` pass; whoever waits for that goes on.
  void make_writable(std::uintptr_t address);

  // Whoever waits for the page tries again.
  void wake(std::uintptr_t address);

  // The mapping at `address` has the page no more; the next touch faults. The page itself stays.
  void unmap_page(std::uintptr_t address);

  // Every touch of the page at `address` is a SIGBUS that is not served, and a system call that touches it
  // fails with EFAULT, until unmap_page; whoever waits for it gets that too. False where the kernel has no
  // such thing (before Linux 6.6). The page's lock is held, so that nobody maps it meanwhile.
  bool poison(std::uintptr_t address);

  // The next message, or false where none is pending (another thread's wake took it back).
  bool next(uffd_msg& message);

 private:
  void set_protection(std::uintptr_t address, std::uint64_t mode, const char* what);

  FaultsBy served_by_;
  int fd_;
  bool can_map_write_protected_ = false;
  bool can_poison_ = false;
};

}  // namespace tvfs
