// The address space of the model's one process (mm/mmap.c, mm/memory.c): areas, mmap_lock, and the fault
// path.
//
// mmap_lock is declared to the validator as this program's own: a page fault takes it, shared, on behalf of
// the thread that faulted, and that is what the model then really does. As in the kernel, mmap and munmap
// hold it exclusive while they call into the file system - the root of the first scenario - and never touch
// memory of the program under it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "fs.h"
#include "locks.h"
#include "uffd.h"

namespace tvfs {

class Mm;

struct VmArea {
  Mm& mm;
  Inode& inode;
  std::uintptr_t start;
  std::size_t length;
  bool writable;
  const VmOps* ops = nullptr;  // set by FileOps::mmap

  bool covers(std::uintptr_t address) const { return address - start < length; }
  bool maps(std::size_t index) const { return index * kPageSize < length; }
  std::uintptr_t address_of(std::size_t index) const { return start + index * kPageSize; }
};

// One fault on its way through the tables.
struct VmFault {
  VmArea& vma;
  std::size_t index;  // of the page, in the file
  std::unique_lock<Mutex> locked{};
};

class Mm {
 public:
  Mm() { faultline_mmap_lock_rwlock(mmap_lock.native_handle()); }

  Rwsem mmap_lock{"mmap_lock"};
  Uffd uffd;  // safe from any thread
  std::array<std::optional<VmArea>, 256>
      areas;  // under mmap_lock; an area stays where it is for as long as it is mapped
};

// Maps the inode from its start, whole pages. Returns the address, or null with errno set. No lock held.
std::byte* vm_mmap(Mm& mm, Inode& inode, std::size_t length, bool writable);

// Takes away what vm_mmap returned. Nobody may touch it any more.
void vm_munmap(Mm& mm, std::byte* start);

// How a thread came to fault.
enum class FaultKind {
  Read,            // not mapped, touched
  Write,           // not mapped, stored to
  WriteProtected,  // mapped write-protected, stored to
};

// Serves one fault at `address`: takes mmap_lock shared, as the kernel does in the thread that faulted, maps
// the page or makes it writable, and lets the thread go on. A fault that no rule covers (no area, beyond the
// end of the file, no space) is a panic: the scenarios so far have none.
void do_user_addr_fault(Mm& mm, std::uintptr_t address, FaultKind kind);

}  // namespace tvfs
