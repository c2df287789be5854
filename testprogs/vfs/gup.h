// Pages of a program's mappings, pinned for who writes to them without the mapping (mm/gup.c): another
// process (process_vm_writev) or a device (a direct read).
//
// Such a store meets no write protection, so nobody calls page_mkwrite for it; the fourth mail thread is
// about who tells the file system, and about what write-back may do meanwhile. The writer goes by the
// kernel's own mapping of the page cache. (The real process_vm_writev would fault on the program's mapping
// and notify: faults of userfaultfd are told to get_user_pages too.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include "mm.h"

namespace tvfs {

enum class PinPolicy {
  Plain,          // nobody is told
  Notify,         // page_mkwrite at the pin; write-back may clean the page behind the pinner's back
  NotifyAndKeep,  // page_mkwrite at the pin, and no write-back of the page while it is pinned
  WriteBegin,     // write_begin at the pin, write_end at the unpin, the page locked in between: pins that are
                  // short
};

// One pinned page. Everything below without locks held.
class PinnedPage {
 public:
  // Pins the page of a writable mapping at `address`. Returns 0 or a negative errno, and then nothing is
  // pinned. To be unpinned by the same thread.
  int pin_user_pages_remote(Mm& mm, std::uintptr_t address, PinPolicy policy);

  // The page was written to: it becomes dirty.
  void unpin_user_pages_dirty_lock();

  // Its bytes, while it is pinned.
  std::byte* bytes() const;

 private:
  int pin(VmFault& fault);

  Inode* inode_ = nullptr;
  std::size_t index_ = 0;
  PinPolicy policy_ = PinPolicy::Plain;
  std::unique_lock<Mutex> locked_;
};

// Another process stores `data`, which does not cross the end of a page, at `address` of this one. 0 or a
// negative errno.
int remote_write(Mm& mm, std::uintptr_t address, std::span<const std::byte> data, PinPolicy policy);

// A direct read of one page of a file into `buffer`, a whole page of a mapping: the page is faulted in for
// writing, as get_user_pages does, pinned, filled by the device and dirtied again on completion. Policies:
// Plain and NotifyAndKeep. 0 or a negative errno.
int direct_read(Inode& from, std::size_t index, Mm& mm, void* buffer, PinPolicy policy);

}  // namespace tvfs
