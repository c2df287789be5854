#include "mm.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "panic.h"

namespace tvfs {

// mmap_lock is held, in either mode.
static VmArea* find_vma(Mm& mm, std::uintptr_t address) {
  for (auto& slot : mm.areas)
    if (slot && slot->covers(address)) return &*slot;
  return nullptr;
}

static void vma_link(VmArea& vma) {
  AddressSpace& mapping = vma.inode.i_mapping;
  const std::lock_guard guard(mapping.i_mmap_rwsem);
  mapping.i_mmap.push_back(&vma);
}

static void vma_unlink(VmArea& vma) {
  AddressSpace& mapping = vma.inode.i_mapping;
  const std::lock_guard guard(mapping.i_mmap_rwsem);
  std::erase(mapping.i_mmap, &vma);
}

// mmap_lock is held exclusive.
[[gnu::noinline]] static std::byte* mmap_region(Mm& mm, Inode& inode, std::size_t length, bool writable) {
  const auto slot = std::find(mm.areas.begin(), mm.areas.end(), std::nullopt);
  if (slot == mm.areas.end()) {
    errno = ENOMEM;
    return nullptr;
  }
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* const address = ::mmap(nullptr, length, protection, MAP_SHARED, inode.i_mapping.memory.fd(), 0);
  if (address == MAP_FAILED) return nullptr;
  VmArea& vma = slot->emplace(VmArea{.mm = mm,
                                     .inode = inode,
                                     .start = reinterpret_cast<std::uintptr_t>(address),
                                     .length = length,
                                     .writable = writable});
  if (const int error = inode.i_fop->mmap(inode, vma); error != 0) {
    ::munmap(address, length);
    slot->reset();
    errno = -error;
    return nullptr;
  }
  mm.uffd.watch(address, length);
  vma_link(vma);
  return static_cast<std::byte*>(address);
}

// Returns false where the page left the page cache meanwhile: whoever waits for it has been told to fault
// again.
static bool do_page_mkwrite(VmFault& fault) {
  const int error = fault.vma.ops->page_mkwrite(fault);
  if (error == 0) return true;
  if (error != -EAGAIN) panic("page_mkwrite failed", -error);
  fault.vma.mm.uffd.wake(fault.vma.address_of(fault.index));
  return false;
}

static void do_read_fault(VmFault& fault) {
  if (fault.vma.ops->map_pages(fault)) return;
  if (const int error = fault.vma.ops->fault(fault); error != 0) panic("a page fault failed", -error);
  fault.vma.mm.uffd.map_page(fault.vma.address_of(fault.index), false);
}

static void do_shared_fault(VmFault& fault) {
  if (const int error = fault.vma.ops->fault(fault); error != 0) panic("a page fault failed", -error);
  fault.locked.unlock();  // page_mkwrite takes it itself
  if (do_page_mkwrite(fault)) fault.vma.mm.uffd.map_page(fault.vma.address_of(fault.index), true);
}

static void do_wp_page(VmFault& fault) {
  if (do_page_mkwrite(fault)) fault.vma.mm.uffd.make_writable(fault.vma.address_of(fault.index));
}

[[gnu::noinline]] static void handle_mm_fault(VmFault& fault, FaultKind kind) {
  const bool must_be_writable = fault.vma.writable && !fault.vma.mm.uffd.can_map_write_protected();
  if (kind == FaultKind::WriteProtected)
    do_wp_page(fault);
  else if (kind == FaultKind::Write || must_be_writable)
    do_shared_fault(fault);
  else
    do_read_fault(fault);
}

std::byte* vm_mmap(Mm& mm, Inode& inode, std::size_t length, bool writable) {
  if (inode.i_fop->pre_mmap != nullptr) {
    if (const int error = inode.i_fop->pre_mmap(inode); error != 0) {
      errno = -error;
      return nullptr;
    }
  }
  const std::lock_guard guard(mm.mmap_lock);
  return mmap_region(mm, inode, length, writable);
}

void vm_munmap(Mm& mm, std::byte* start) {
  const std::lock_guard guard(mm.mmap_lock);
  VmArea* const vma = find_vma(mm, reinterpret_cast<std::uintptr_t>(start));
  if (vma == nullptr) panic("munmap of what is not mapped", EINVAL);
  vma_unlink(*vma);
  ::munmap(start, vma->length);
  std::find_if(mm.areas.begin(), mm.areas.end(), [vma](auto& slot) {
    return slot && &*slot == vma;
  })->reset();
}

void do_user_addr_fault(Mm& mm, std::uintptr_t address, FaultKind kind) {
  const std::shared_lock guard(mm.mmap_lock);
  VmArea* const vma = find_vma(mm, address);
  if (vma == nullptr) panic("a fault outside of every area", EFAULT);
  VmFault fault{.vma = *vma, .index = (address - vma->start) / kPageSize};
  handle_mm_fault(fault, kind);
}

}  // namespace tvfs
