// Calls on files that a file system's server may have to answer: by path, and those by descriptor that move
// no bytes.
//
// In a process that knows of no FUSE file system each is one load more than libc's. What libc calls inside
// itself (fopen, opendir, ftw) no hook sees.
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "fault/fuse_calls.h"
#include "hooks/hook.h"

using namespace faultline;

#define BEFORE_PATH(directory, path) before_path_call(directory, path, FAULTLINE_CALL_POINT)
#define BEFORE_FILE(fd) before_file_call(fd, FAULTLINE_CALL_POINT)

// The mode of an open that makes no file is not looked at; to pass on one that was not given is harmless.
FAULTLINE_EXPORT int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = va_arg(arguments, mode_t);
  va_end(arguments);
  BEFORE_PATH(AT_FDCWD, path);
  return real::open(path, flags, mode);
}
FAULTLINE_ALIAS(open64, open);
FAULTLINE_ALIAS(__open, open);
FAULTLINE_ALIAS(__open64, open);

FAULTLINE_EXPORT int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = va_arg(arguments, mode_t);
  va_end(arguments);
  BEFORE_PATH(directory, path);
  return real::openat(directory, path, flags, mode);
}
FAULTLINE_ALIAS(openat64, openat);

FAULTLINE_EXPORT int __open_2(const char* path, int flags) {
  BEFORE_PATH(AT_FDCWD, path);
  return real::__open_2(path, flags);
}
FAULTLINE_ALIAS(__open64_2, __open_2);

FAULTLINE_EXPORT int __openat_2(int directory, const char* path, int flags) {
  BEFORE_PATH(directory, path);
  return real::__openat_2(directory, path, flags);
}
FAULTLINE_ALIAS(__openat64_2, __openat_2);

FAULTLINE_EXPORT int creat(const char* path, mode_t mode) {
  BEFORE_PATH(AT_FDCWD, path);
  return real::creat(path, mode);
}
FAULTLINE_ALIAS(creat64, creat);

FAULTLINE_EXPORT int stat(const char* path, struct stat* status) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::stat(path, status);
}

FAULTLINE_EXPORT int lstat(const char* path, struct stat* status) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::lstat(path, status);
}

FAULTLINE_EXPORT int fstat(int fd, struct stat* status) noexcept {
  BEFORE_FILE(fd);
  return real::fstat(fd, status);
}

FAULTLINE_EXPORT int fstatat(int directory, const char* path, struct stat* status, int flags) noexcept {
  BEFORE_PATH(directory, path);
  return real::fstatat(directory, path, status, flags);
}

// The same structure, but another type.
FAULTLINE_EXPORT int stat64(const char* path, struct stat64* status) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::stat64(path, status);
}

FAULTLINE_EXPORT int lstat64(const char* path, struct stat64* status) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::lstat64(path, status);
}

FAULTLINE_EXPORT int fstat64(int fd, struct stat64* status) noexcept {
  BEFORE_FILE(fd);
  return real::fstat64(fd, status);
}

FAULTLINE_EXPORT int fstatat64(int directory, const char* path, struct stat64* status, int flags) noexcept {
  BEFORE_PATH(directory, path);
  return real::fstatat64(directory, path, status, flags);
}

// What programs built against glibc before 2.33 call instead.
FAULTLINE_EXPORT int __xstat(int version, const char* path, struct stat* status) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::__xstat(version, path, status);
}

FAULTLINE_EXPORT int __lxstat(int version, const char* path, struct stat* status) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::__lxstat(version, path, status);
}

FAULTLINE_EXPORT int __fxstat(int version, int fd, struct stat* status) noexcept {
  BEFORE_FILE(fd);
  return real::__fxstat(version, fd, status);
}

FAULTLINE_EXPORT int __fxstatat(int version, int directory, const char* path, struct stat* status,
                                int flags) noexcept {
  BEFORE_PATH(directory, path);
  return real::__fxstatat(version, directory, path, status, flags);
}

FAULTLINE_EXPORT int statx(int directory, const char* path, int flags, unsigned mask,
                           struct statx* status) noexcept {
  BEFORE_PATH(directory, path);
  return real::statx(directory, path, flags, mask, status);
}

FAULTLINE_EXPORT int access(const char* path, int mode) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::access(path, mode);
}

FAULTLINE_EXPORT int faccessat(int directory, const char* path, int mode, int flags) noexcept {
  BEFORE_PATH(directory, path);
  return real::faccessat(directory, path, mode, flags);
}

FAULTLINE_EXPORT ssize_t readlink(const char* path, char* target, size_t size) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::readlink(path, target, size);
}

FAULTLINE_EXPORT ssize_t readlinkat(int directory, const char* path, char* target, size_t size) noexcept {
  BEFORE_PATH(directory, path);
  return real::readlinkat(directory, path, target, size);
}

FAULTLINE_EXPORT int unlink(const char* path) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::unlink(path);
}

FAULTLINE_EXPORT int unlinkat(int directory, const char* path, int flags) noexcept {
  BEFORE_PATH(directory, path);
  return real::unlinkat(directory, path, flags);
}

FAULTLINE_EXPORT int rmdir(const char* path) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::rmdir(path);
}

FAULTLINE_EXPORT int mkdir(const char* path, mode_t mode) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::mkdir(path, mode);
}

FAULTLINE_EXPORT int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  BEFORE_PATH(directory, path);
  return real::mkdirat(directory, path, mode);
}

// Both names of a rename or a link lie in one file system, or it fails.
FAULTLINE_EXPORT int rename(const char* from, const char* to) noexcept {
  BEFORE_PATH(AT_FDCWD, to);
  return real::rename(from, to);
}

FAULTLINE_EXPORT int renameat(int from_directory, const char* from, int to_directory,
                              const char* to) noexcept {
  BEFORE_PATH(to_directory, to);
  return real::renameat(from_directory, from, to_directory, to);
}

FAULTLINE_EXPORT int renameat2(int from_directory, const char* from, int to_directory, const char* to,
                               unsigned flags) noexcept {
  BEFORE_PATH(to_directory, to);
  return real::renameat2(from_directory, from, to_directory, to, flags);
}

FAULTLINE_EXPORT int link(const char* from, const char* to) noexcept {
  BEFORE_PATH(AT_FDCWD, to);
  return real::link(from, to);
}

FAULTLINE_EXPORT int linkat(int from_directory, const char* from, int to_directory, const char* to,
                            int flags) noexcept {
  BEFORE_PATH(to_directory, to);
  return real::linkat(from_directory, from, to_directory, to, flags);
}

FAULTLINE_EXPORT int symlink(const char* target, const char* path) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::symlink(target, path);
}

FAULTLINE_EXPORT int symlinkat(const char* target, int directory, const char* path) noexcept {
  BEFORE_PATH(directory, path);
  return real::symlinkat(target, directory, path);
}

FAULTLINE_EXPORT int chmod(const char* path, mode_t mode) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::chmod(path, mode);
}

FAULTLINE_EXPORT int chown(const char* path, uid_t owner, gid_t group) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::chown(path, owner, group);
}

FAULTLINE_EXPORT int utimensat(int directory, const char* path, const timespec times[2], int flags) noexcept {
  BEFORE_PATH(directory, path);
  return real::utimensat(directory, path, times, flags);
}

FAULTLINE_EXPORT int futimens(int fd, const timespec times[2]) noexcept {
  BEFORE_FILE(fd);
  return real::futimens(fd, times);
}

FAULTLINE_EXPORT int truncate(const char* path, off_t length) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::truncate(path, length);
}
FAULTLINE_ALIAS(truncate64, truncate);

FAULTLINE_EXPORT int ftruncate(int fd, off_t length) noexcept {
  BEFORE_FILE(fd);
  return real::ftruncate(fd, length);
}
FAULTLINE_ALIAS(ftruncate64, ftruncate);

FAULTLINE_EXPORT int fallocate(int fd, int mode, off_t offset, off_t length) {
  BEFORE_FILE(fd);
  return real::fallocate(fd, mode, offset, length);
}
FAULTLINE_ALIAS(fallocate64, fallocate);

FAULTLINE_EXPORT int fsync(int fd) {
  BEFORE_FILE(fd);
  return real::fsync(fd);
}

FAULTLINE_EXPORT int fdatasync(int fd) {
  BEFORE_FILE(fd);
  return real::fdatasync(fd);
}

FAULTLINE_EXPORT ssize_t getxattr(const char* path, const char* name, void* value, size_t size) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::getxattr(path, name, value, size);
}

FAULTLINE_EXPORT ssize_t fgetxattr(int fd, const char* name, void* value, size_t size) noexcept {
  BEFORE_FILE(fd);
  return real::fgetxattr(fd, name, value, size);
}

FAULTLINE_EXPORT int setxattr(const char* path, const char* name, const void* value, size_t size,
                              int flags) noexcept {
  BEFORE_PATH(AT_FDCWD, path);
  return real::setxattr(path, name, value, size, flags);
}

FAULTLINE_EXPORT int fsetxattr(int fd, const char* name, const void* value, size_t size, int flags) noexcept {
  BEFORE_FILE(fd);
  return real::fsetxattr(fd, name, value, size, flags);
}

// From here on this process knows of FUSE; whoever serves it may be a child.
FAULTLINE_EXPORT int mount(const char* source, const char* target, const char* type, unsigned long flags,
                           const void* data) noexcept {
  const int result = real::mount(source, target, type, flags, data);
  if (result == 0) file_system_mounted(type);
  return result;
}
