// The functions behind our hooks: `real::pthread_mutex_lock(m)` is libc's, or the next preload's.
//
// Each pointer starts at its own resolver, so a call before our constructor (another library's constructor)
// finds its way, and no call pays a branch. `real::resolve_all()` looks all of them up at start, before a
// program lock can be held. A function that this libc lacks becomes one that returns ENOSYS; programs that
// were built without it never call it. A function of a library that is not there yet (LATER) is looked for
// again when it is called; if it still is nowhere the process ends as it would without us.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <threads.h>
#include <unistd.h>

// What programs built with _FORTIFY_SOURCE call; only such builds see declarations in libc's headers.
extern "C" {
ssize_t __read_chk(int fd, void* buffer, size_t size, size_t room);
ssize_t __pread_chk(int fd, void* buffer, size_t size, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void* buffer, size_t size, off_t offset, size_t room);
ssize_t __recv_chk(int fd, void* buffer, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void* buffer, size_t size, size_t room, int flags, sockaddr* address,
                       socklen_t* length);
int __open_2(const char* path, int flags);
int __openat_2(int directory, const char* path, int flags);
// What its headers made of stat and the like before glibc 2.33.
int __xstat(int version, const char* path, struct stat* status) noexcept;
int __lxstat(int version, const char* path, struct stat* status) noexcept;
int __fxstat(int version, int fd, struct stat* status) noexcept;
int __fxstatat(int version, int directory, const char* path, struct stat* status, int flags) noexcept;
int __poll_chk(pollfd* fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask, size_t room);
// The Itanium C++ ABI's, section 3.3.3; no header of libc declares them.
int __cxa_guard_acquire(long long* guard);
void __cxa_guard_release(long long* guard);
void __cxa_guard_abort(long long* guard);
}

// GLib's, declared here so that no header of it is needed; gboolean is int, gint64 long.
extern "C" {
struct GMutex;
struct GCond;
void g_mutex_init(GMutex* mutex);
void g_mutex_clear(GMutex* mutex);
void g_mutex_lock(GMutex* mutex);
int g_mutex_trylock(GMutex* mutex);
void g_mutex_unlock(GMutex* mutex);
void g_cond_wait(GCond* condition, GMutex* mutex);
int g_cond_wait_until(GCond* condition, GMutex* mutex, long until);
}

namespace faultline::real {

#define LATER(name) extern decltype(&::name) name;
#define FUNCTION(name, version) extern decltype(&::name) name;
#include "functions.def"

// Looks up every pointer. Called once, by the constructor.
void resolve_all();

// Looks up those that a hook jumps to, if that was not done: dlopen, dlmopen, dlsym, dlvsym. Without a call
// that could come back to the program, whose malloc may be what calls dlsym.
void resolve_jumped();

}  // namespace faultline::real
