// The functions behind our hooks: `real::pthread_mutex_lock(m)` is libc's, or the next preload's.
//
// Each pointer starts at its own resolver, so a call before our constructor (another library's constructor)
// finds its way, and no call pays a branch. `real::resolve_all()` looks all of them up at start, before a
// program lock can be held. A function that this libc lacks becomes one that returns ENOSYS; programs that
// were built without it never call it.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <threads.h>
#include <unistd.h>

// What programs built with _FORTIFY_SOURCE call; only such builds see declarations in libc's headers.
extern "C" {
ssize_t __read_chk(int fd, void* buffer, size_t size, size_t room);
int __poll_chk(pollfd* fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask, size_t room);
// The Itanium C++ ABI's, section 3.3.3; no header of libc declares them.
int __cxa_guard_acquire(long long* guard);
void __cxa_guard_release(long long* guard);
void __cxa_guard_abort(long long* guard);
}

namespace faultline::real {

#define FUNCTION(name, version) extern decltype(&::name) name;
#include "functions.def"

// Looks up every pointer. Called once, by the constructor.
void resolve_all();

}  // namespace faultline::real
