#include "gup.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "panic.h"
#include "schedule.h"
#include "uaccess.h"

namespace tvfs {

// mmap_lock is held shared.
int PinnedPage::pin(VmFault& fault) {
  if (const int error = fault.vma.ops->fault(fault); error != 0) return error;
  Page& page = inode_->i_mapping.pages[index_];
  switch (policy_) {
    case PinPolicy::Plain:
      break;
    case PinPolicy::Notify:
    case PinPolicy::NotifyAndKeep:
      fault.locked.unlock();  // page_mkwrite takes it itself
      if (const int error = fault.vma.ops->page_mkwrite(fault); error != 0) return error;
      break;
    case PinPolicy::WriteBegin: {
      const auto write_begin = inode_->i_mapping.a_ops.write_begin;
      if (write_begin == nullptr)
        page_write_announced(page);  // there is always room
      else if (const int error = write_begin(*inode_, index_); error != 0)
        return error;
      locked_ = std::move(fault.locked);
      break;
    }
  }
  ++page.pins;
  if (policy_ == PinPolicy::NotifyAndKeep) ++page.pins_against_writeback;
  return 0;
}

[[gnu::noinline]] int PinnedPage::pin_user_pages_remote(Mm& mm, std::uintptr_t address, PinPolicy policy) {
  for (;;) {
    std::shared_lock guard(mm.mmap_lock);
    VmArea* const vma = find_vma(mm, address);
    if (vma == nullptr || !vma->writable) return -EFAULT;
    inode_ = &vma->inode;
    index_ = (address - vma->start) / kPageSize;
    policy_ = policy;
    VmFault fault{.vma = *vma, .index = index_, .write = true, .mmap_guard = guard};
    const int outcome = pin(fault);
    if (outcome != -EAGAIN && outcome != kVmFaultRetry) return outcome;
  }
}

[[gnu::noinline]] void PinnedPage::unpin_user_pages_dirty_lock() {
  Page& page = inode_->i_mapping.pages[index_];
  if (!locked_) locked_ = std::unique_lock(page.lock);
  set_page_dirty(page);
  --page.pins;
  if (policy_ == PinPolicy::NotifyAndKeep) --page.pins_against_writeback;
  locked_ = {};
}

std::byte* PinnedPage::bytes() const {
  return inode_->i_mapping.page_address(index_);
}

int remote_write(Mm& mm, std::uintptr_t address, std::span<const std::byte> data, PinPolicy policy) {
  PinnedPage page;
  if (const int error = page.pin_user_pages_remote(mm, address, policy); error != 0) return error;
  schedule_point(Place::Pinned);
  std::copy(data.begin(), data.end(), page.bytes() + address % kPageSize);
  page.unpin_user_pages_dirty_lock();
  return 0;
}

[[gnu::noinline]] static void dio_bio_complete(PinnedPage& page) {
  page.unpin_user_pages_dirty_lock();
}

int direct_read(Inode& from, std::size_t index, Mm& mm, void* buffer, PinPolicy policy) {
  if (from.i_fop->direct_read == nullptr) return -EOPNOTSUPP;
  if (const int error = fault_in_writeable(buffer, kPageSize); error != 0) return error;
  PinnedPage page;
  const auto address = reinterpret_cast<std::uintptr_t>(buffer);
  if (const int error = page.pin_user_pages_remote(mm, address, policy); error != 0) return error;
  schedule_point(Place::Pinned);
  const int error = from.i_fop->direct_read(from, index, page.bytes());
  dio_bio_complete(page);
  return error;
}

}  // namespace tvfs
