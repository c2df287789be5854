// Call stacks of the calling thread, through libunwind loaded privately; libgcc's unwinder where libunwind is
// missing; else return addresses.
//
// Why privately (dlopen, RTLD_LOCAL): linked in, libunwind would replace `_Unwind_RaiseException` and
// `backtrace` for the program.
//
// Why our own dl_iterate_phdr: a stack is walked while the program holds locks. libunwind finds unwind tables
// through dl_iterate_phdr, whose lock another thread may hold (inside dlopen, running a constructor) while it
// waits for one of those locks. While we walk, our dl_iterate_phdr answers instead, from `_dl_find_object`,
// for the one address libunwind asks about, without any lock. libunwind passes that address as the first word
// of its callback's data; a walk at start checks that this is so, and without it libunwind is not used.
#pragma once

#include <link.h>
#include <sys/types.h>

#include "record/guard.h"

namespace faultline {

// Loads an unwinder and warms its caches. Once, by the constructor: dlopen must not happen with a program
// lock held.
void initialise_unwinder();

// "libunwind", "libgcc" or "none".
const char* unwinder_name();

// Fills `frames` with the return addresses from the caller of the hook at `at` outwards: frames[0] ==
// at.return_address. At least 1; 1 also where the stack cannot be walked. `*walked` tells which.
std::size_t walk_stack(Guard& guard, CallPoint at, std::uintptr_t* frames, std::size_t capacity,
                       bool* walked);

// Whether `lock` is a lock of an unwinder itself: no business of the program's. `claim_unwinder` says where
// one lives: any address in it.
bool is_unwinders_own(const volatile void* lock);
void claim_unwinder(const void* address_inside);

// What the unwinder asks of libc while it walks, answered by us; the hooks of those functions ask
// `asked_by_unwinder` first.
//
// Besides dl_iterate_phdr, libunwind keeps a pipe to probe memory with: two descriptors of the program's,
// which a program that closes and reuses descriptors would find written to. It gets none; its probing write
// is answered by probing the memory ourselves.
inline bool asked_by_unwinder(CallPoint at) {
  return tls.walking && is_unwinders_own(reinterpret_cast<const void*>(at.return_address));
}
int answer_phdr(int (*callback)(dl_phdr_info*, std::size_t, void*), void* data);
ssize_t answer_read();                   // nothing there, try again
long answer_write(const void* address);  // 1: readable, -1: not
int answer_pipe(int ends[2]);

// Around a walk by an unwinder: false, it must not begin now (the process is being forked).
bool begin_walk();
void finish_walk();

// libunwind is fifteen times faster than libgcc's unwinder and keeps a cache of 256 KiB for each thread,
// which it allocates from the program's heap at its first walk. So only threads that walk often use it, and
// only the first 64 of those at a time. `begin_walking` makes the calling thread one of them, if there is
// room: at a moment when it holds no lock, which might be that of the program's own malloc. `end_walking`
// gives its place back.
//
// Where another malloc than libc's is in the program (`libc_allocates` is false), only the first thread does
// so, at its start: such a malloc locks through our hooks, and is in the middle of its work also where it
// holds nothing yet.
bool libc_allocates();
void begin_walking(ThreadState& thread);
void end_walking(ThreadState& thread);

// Around fork: a child must not inherit libunwind's internal lock from a thread that it does not have. `stop`
// waits a moment for walks to end; in the child, walking stays off where one had not.
void stop_walking();
void resume_walking(bool in_child);

}  // namespace faultline
