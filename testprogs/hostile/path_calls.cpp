// Calls on files in their odd ways, under a lock and in a process that has a FUSE file system mounted, so
// that each is looked at: bad addresses, names that lead nowhere, descriptors that are none. Nobody serves
// the file system. Without the right to mount one all the same.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

extern "C" int __xstat(int version, const char* path, struct stat* status) noexcept;

std::mutex lock;
char directory[] = "/tmp/faultline-paths.XXXXXX";
const char* nowhere;  // memory that cannot be touched
const char* cut_off;  // a name whose end is not there
const char* volatile no_name = nullptr;
const char* long_name;  // of several pages

template <class Call>
void show(const char* what, Call call) {
  std::lock_guard held(lock);
  errno = 4711;
  const auto result = static_cast<long>(call());
  std::printf("%s: %s, %d\n", what, result < 0 ? "refused" : "done", result < 0 ? errno : 0);
}

// In a mount namespace that ends with the process.
void mount_unserved() {
  const int channel = open("/dev/fuse", O_RDWR);
  const std::string options = "fd=" + std::to_string(channel) + ",rootmode=40000,user_id=0,group_id=0";
  const std::string target = std::string(directory) + "/mounted";
  if (mkdir(target.c_str(), 0700) != 0 || channel < 0 || unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return;
  mount("unserved", target.c_str(), "fuse.unserved", 0, options.c_str());
}

void opens() {
  show("open", [] { return open("file", O_RDWR | O_CREAT | O_EXCL, 0640); });
  struct stat status = {};
  stat("file", &status);
  std::printf("mode %o\n", status.st_mode & 07777);
  show("open again", [] { return open("file", O_RDWR | O_CREAT | O_EXCL, 0640); });
  show("openat", [] { return openat(AT_FDCWD, "file", O_RDONLY); });
  show("openat of no directory", [] { return openat(-1, "file", O_RDONLY); });
  show("openat, absolute, of no directory", [] { return openat(-1, "/", O_RDONLY); });
  show("a nameless file", [] { return open(".", O_TMPFILE | O_RDWR, 0600); });
  show("creat", [] { return creat("made", 0600); });
  show("a name that is nowhere", [] { return open(nowhere, O_RDONLY); });
  show("a name that is cut off", [] { return open(cut_off, O_RDONLY); });
  show("a name that is too long", [] { return open(long_name, O_RDONLY); });
  show("no name", [] { return open(no_name, O_RDONLY); });
  show("an empty name", [] { return open("", O_RDONLY); });
}

void looks() {
  struct stat status;
  struct stat64 status64;
  struct statx extended;
  show("stat", [&] { return stat("file", &status); });
  show("stat64", [&] { return stat64("file", &status64); });
  show("lstat of a name nowhere", [&] { return lstat(nowhere, &status); });
  show("fstat", [&] { return fstat(0, &status); });
  show("fstat of none", [&] { return fstat(-1, &status); });
  show("fstatat, by descriptor", [&] { return fstatat(0, "", &status, AT_EMPTY_PATH); });
  show("statx", [&] { return statx(AT_FDCWD, "../", 0, STATX_ALL, &extended); });
  show("an old stat", [&] { return __xstat(1, "file", &status); });
  show("an unknown stat", [&] { return __xstat(4711, "file", &status); });
  show("access", [] { return access("file", R_OK); });
  show("faccessat", [] { return faccessat(AT_FDCWD, "file", X_OK, AT_EACCESS); });
  char target[8];
  show("readlink", [&] { return readlink("file", target, sizeof target); });
  show("getxattr", [&] { return getxattr("file", "user.none", target, sizeof target); });
  show("fsetxattr of none", [&] { return fsetxattr(-1, "user.none", target, 1, 0); });
}

void changes() {
  show("mkdir", [] { return mkdir("below", 0700); });
  show("rename", [] { return rename("file", "below/file"); });
  show("rename to a name nowhere", [] { return rename("below/file", nowhere); });
  show("link", [] { return link("below/file", "file"); });
  show("symlink", [] { return symlink("anything", "a link"); });
  show("truncate", [] { return truncate("file", 100); });
  show("ftruncate of none", [] { return ftruncate(-1, 100); });
  show("chmod", [] { return chmod("file", 0600); });
  show("fsync of none", [] { return fsync(-1); });
  show("fallocate of none", [] { return fallocate(-1, 0, 0, 1); });
  show("rmdir", [] { return rmdir("below"); });
  for (const char* name : {"file", "below/file", "made", "a link"})
    show("unlink", [=] { return unlink(name); });
  show("unlinkat", [] { return unlinkat(AT_FDCWD, "below", AT_REMOVEDIR); });
  show("close of none", [] { return close(-1); });
}

int main() {
  if (mkdtemp(directory) == nullptr || chdir(directory) != 0) return 2;
  auto* pages =
      static_cast<char*>(mmap(nullptr, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  std::memset(pages, 'n', 5 * 4096);
  pages[3 * 4096 - 1] = '\0';
  mprotect(pages + 4 * 4096, 4096, PROT_NONE);
  long_name = pages;
  cut_off = pages + 4 * 4096 - 5;
  nowhere = pages + 4 * 4096;
  mount_unserved();
  opens();
  looks();
  changes();
  umount2("mounted", MNT_DETACH);
  rmdir("mounted");
  rmdir(directory);
}
