// The address space of the model's one process (mm/mmap.c, mm/memory.c): areas, mmap_lock, and the fault
// path.
//
// mmap_lock is declared to the validator as this program's own: a page fault takes it, shared, on behalf of
// the thread that faulted, and that is what the model then really does. As in the kernel, mmap, mremap and
// munmap hold it exclusive while they call into the file system - the root of the first scenario - and never
// touch memory of the program under it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>

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

// What VmOps return, beside 0 and a negative errno: the file system has dropped mmap_lock itself
// (VmFault::mmap_guard) and the thread faults again. The area may be gone by then.
inline constexpr int kVmFaultRetry = 1;

// One fault on its way through the tables.
struct VmFault {
  VmArea& vma;
  std::size_t index;  // of the page, in the file
  bool write;         // the thread stores
  std::shared_lock<Rwsem>& mmap_guard;
  std::unique_lock<Mutex> locked{};
};

class Mm {
 public:
  explicit Mm(FaultsBy served_by = FaultsBy::Handler) : uffd(served_by) {
    faultline_mmap_lock_rwlock(mmap_lock.native_handle());
  }

  Rwsem mmap_lock{"mmap_lock"};
  Uffd uffd;  // safe from any thread
  std::array<std::optional<VmArea>, 1024>
      areas;  // under mmap_lock; an area stays where it is for as long as it is mapped
};

// Maps the inode from its start, whole pages. Returns the address, or null with errno set. No lock held.
std::byte* vm_mmap(Mm& mm, Inode& inode, std::size_t length, bool writable);

// Takes away what vm_mmap returned. Nobody may touch it any more. No lock held.
void vm_munmap(Mm& mm, std::byte* start);

// Gives the mapping at `start` another length, elsewhere where there is no room; nobody may touch it
// meanwhile. Returns its address, or null with errno set, and then it is as it was. No lock held.
std::byte* vm_mremap(Mm& mm, std::byte* start, std::size_t length);

// The area that has `address`, or null. mmap_lock is held, in either mode.
VmArea* find_vma(Mm& mm, std::uintptr_t address);

// How a thread came to fault.
enum class FaultKind {
  Read,            // not mapped, touched
  Write,           // not mapped, stored to
  WriteProtected,  // mapped write-protected, stored to
};

// Serves one fault at `address`: takes mmap_lock shared, as the kernel does in the thread that faulted, maps
// the page or makes it writable, and lets the thread go on. Returns 0 (the thread may find that it faults
// again), or a negative errno where the fault cannot be served (outside of every area, no space, I/O error,
// beyond the end of the file): the thread then gets SIGBUS, a system call EFAULT.
int do_user_addr_fault(Mm& mm, std::uintptr_t address, FaultKind kind);

}  // namespace tvfs
