// The dynamic loader's two locks, and the calls of a thread that hold them.
//
// glibc takes them where no hook sees it: dl_load_lock in dlopen, dlmopen and dlclose, over the constructors
// and destructors they run, and for a look-up in dlsym, dlvsym and dladdr; dl_load_write_lock in
// dl_iterate_phdr, over its callbacks, and for a moment while objects are added or removed. Both are
// recursive. They stand on the held stack like any lock of kind Loader.
//
// dlopen and dlmopen find out who calls them by their return address, so a hook can only jump to them and
// never learns of the call's end. Such a call is kept with its frame and dropped at the thread's next guarded
// section in which it is seen to have returned:
//   - the running frame is not below the call's own, or
//   - the word below the call's frame, where its return address lies until it returns, holds another: whoever
//     calls something from there next overwrites it.
// While a call is kept all acquisitions of the thread take the slow path, and so notice. What remains: a
// caller that lowers its stack pointer past that word after the call (alloca, a variable-length array) and
// never writes there holds the lock for us until it returns.
//
// The calling thread only, inside guarded sections unless said otherwise.
#pragma once

#include "record/acquisition.h"

namespace faultline {

enum class LoaderLock : std::uint8_t { Load, Write };

// Outside guarded sections, by hooks. The call at `at` takes `lock` and will hold it until it returns; with
// `writes` it also takes the other one for a moment meanwhile.
void loader_call_begins(LoaderLock lock, CallPoint at, bool writes);
// The same call has returned: for those whose end a hook sees.
void loader_call_ended(LoaderLock lock, CallPoint at);
// The call takes `lock` for a moment and returns.
void loader_passes(LoaderLock lock, CallPoint at);

// Drops the calls that are over, seen from a frame at `frame` of the running stack. Cheap where there are
// none.
void drop_ended_loader_calls(ThreadState& thread, std::uintptr_t frame);

}  // namespace faultline
