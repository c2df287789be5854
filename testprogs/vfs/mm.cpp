#include "mm.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "panic.h"

namespace tvfs {

VmArea* find_vma(Mm& mm, std::uintptr_t address) {
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

static int do_read_fault(VmFault& fault) {
  if (fault.vma.ops->map_pages(fault)) return 0;
  if (const int error = fault.vma.ops->fault(fault); error != 0) return error;
  fault.vma.mm.uffd.map_page(fault.vma.address_of(fault.index), false);
  return 0;
}

static int do_shared_fault(VmFault& fault) {
  if (const int error = fault.vma.ops->fault(fault); error != 0) return error;
  fault.locked.unlock();  // page_mkwrite takes it itself
  if (const int error = fault.vma.ops->page_mkwrite(fault); error != 0) return error;
  fault.vma.mm.uffd.map_page(fault.vma.address_of(fault.index), true);
  return 0;
}

static int do_wp_page(VmFault& fault) {
  if (const int error = fault.vma.ops->page_mkwrite(fault); error != 0) return error;
  fault.vma.mm.uffd.make_writable(fault.vma.address_of(fault.index));
  return 0;
}

[[gnu::noinline]] static int handle_mm_fault(VmFault& fault, FaultKind kind) {
  if (kind != FaultKind::Read && !fault.vma.writable) return -EACCES;
  const bool must_be_writable = fault.vma.writable && !fault.vma.mm.uffd.can_map_write_protected();
  if (kind == FaultKind::WriteProtected) return do_wp_page(fault);
  if (kind == FaultKind::Write || must_be_writable) return do_shared_fault(fault);
  return do_read_fault(fault);
}

// The thread that waits for the page is told that there is none to have. Where the kernel lacks the means,
// nothing else would be right.
static void give_sigbus(VmFault& fault, int error) {
  fault.locked = {};
  const std::lock_guard locked(fault.vma.inode.i_mapping.pages[fault.index].lock);
  if (!fault.vma.mm.uffd.poison(fault.vma.address_of(fault.index)))
    panic("a page fault failed, and this kernel cannot poison the page", -error);
}

std::byte* vm_mmap(Mm& mm, Inode& inode, std::size_t length, bool writable) {
  if (inode.i_fop->pre_mmap != nullptr) {
    if (const int error = inode.i_fop->pre_mmap(inode); error != 0) {
      errno = -error;
      return nullptr;
    }
  }
  if (length > inode.i_mapping.memory.capacity()) {
    errno = EINVAL;
    return nullptr;
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

std::byte* vm_mremap(Mm& mm, std::byte* start, std::size_t length) {
  const std::lock_guard guard(mm.mmap_lock);
  VmArea* const vma = find_vma(mm, reinterpret_cast<std::uintptr_t>(start));
  if (vma == nullptr) panic("mremap of what is not mapped", EINVAL);
  // Whoever write-protects the pages of the file must find all of them, where they are.
  AddressSpace& mapping = vma->inode.i_mapping;
  if (length > mapping.memory.capacity()) {
    errno = EINVAL;
    return nullptr;
  }
  const std::lock_guard mappings(mapping.i_mmap_rwsem);
  void* const moved = ::mremap(start, vma->length, length, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) return nullptr;
  // What moved is watched no more. Every page is to fault again.
  mm.uffd.watch(moved, length);
  if (::madvise(moved, length, MADV_DONTNEED) != 0) panic("madvise of a moved mapping", errno);
  vma->start = reinterpret_cast<std::uintptr_t>(moved);
  vma->length = length;
  return static_cast<std::byte*>(moved);
}

int do_user_addr_fault(Mm& mm, std::uintptr_t address, FaultKind kind) {
  std::shared_lock guard(mm.mmap_lock);
  VmArea* const vma = find_vma(mm, address);
  if (vma == nullptr) return -EFAULT;
  VmFault fault{.vma = *vma,
                .index = (address - vma->start) / kPageSize,
                .write = kind != FaultKind::Read,
                .mmap_guard = guard};
  const int error = handle_mm_fault(fault, kind);
  if (error == 0) return 0;
  const bool by_handler = mm.uffd.served_by() == FaultsBy::Handler;
  if (error == kVmFaultRetry || error == -EAGAIN) {
    if (by_handler) mm.uffd.wake(address / kPageSize * kPageSize);
    return 0;
  }
  if (by_handler) give_sigbus(fault, error);
  return error;
}

}  // namespace tvfs
