// The kernel's mmap_lock as the program waits for it: shared by page faults, and by the calls that change its
// memory mappings, most of them exclusively.
//
// It is the lock that the program declared as its own mmap_lock, which faults then take, while the calls
// record nothing (the program takes that lock around them itself, or means something else by it); else a
// model one, which nobody ever holds: the kernel lets go of its mmap_lock before it waits for a page fault's
// server or for the reader of a userfaultfd event. So no cycle closes through the model lock by what is
// recorded here; its dependencies say where a lock is held over a change of the mappings.
//
// Taken exclusively: mmap, munmap, mremap, mprotect, pkey_mprotect, brk, sbrk, the mlock family, fork, and
// madvise but for the advice that only looks at pages (`madvise_mode`). libc's own, inside pthread_create and
// dlopen, are recorded as possible (`observed` false); those inside malloc are not hooked, as that would
// cost malloc and free a seventh of their time and more. Where every thread has a perf ring that tells of
// all.
#pragma once

#include <cstdint>
#include <optional>

#include "record/dependencies.h"
#include "record/waits.h"

namespace faultline {

// The wait of a thread that faults at `stack`. In guarded sections.
Wait mmap_lock_wait(StackId stack);
// The same where the lock that the program declared has no part in it.
Wait model_mmap_lock_wait(StackId stack);

// How madvise takes mmap_lock for `advice`, as Linux 6 has it; nothing where it does not.
std::optional<Mode> madvise_mode(int advice);

// Whether a change of the mappings did happen, or is one that libc may make inside the call.
enum class Happened : std::uint8_t { Yes, Perhaps };

// The calling thread is about to change the mappings; outside guarded sections. What it holds waits for
// mmap_lock. Cost where it holds nothing: two loads; where the wait is known, a look-up in the thread's
// cache. errno is kept.
[[gnu::cold]] void record_mapping_change(CallPoint at, Mode mode, Happened happened, std::uint64_t key);
inline void before_mapping_change(CallPoint at, Mode mode = Mode::Exclusive,
                                  Happened happened = Happened::Yes) {
  if (!waits_for_others()) return;
  const ThreadState& thread = *tls.active;
  const std::uint64_t how = static_cast<std::uint64_t>(mode) << 1 | static_cast<std::uint64_t>(happened);
  const std::uint64_t key = mix(mix(top_key(thread), at.return_address), ~how);
  if (!thread.knows(key)) record_mapping_change(at, mode, happened, key);
}

// `owner` has changed the mappings since its held set last changed, perhaps by code that no hook stands
// before (malloc, an inline system call): what it holds waits for mmap_lock, at its newest acquisition.
// Nothing where these locks are known to be held over a change already. In a guarded section of `writer`,
// which is `owner` or acts for it while it cannot run.
void mappings_were_changed(ThreadState& writer, ThreadState& owner);

}  // namespace faultline
