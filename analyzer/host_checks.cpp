#include "host_checks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace faultline {

namespace {

namespace fs = std::filesystem;

// Opens, and gives back at once. 0 or the error.
int error_of(long descriptor) {
  if (descriptor < 0) return errno;
  close(static_cast<int>(descriptor));
  return 0;
}

std::string setting(const char* path) {
  std::ifstream file(path);
  std::string value;
  file >> value;
  return value.empty() ? "not there" : value;
}

int open_page_faults(bool with_kernel) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.sample_period = 1;
  attributes.exclude_kernel = with_kernel ? 0 : 1;
  return error_of(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

// A field of /proc/self/status, as in "Seccomp:	2".
std::string own_status(std::string_view field) {
  std::ifstream file("/proc/self/status");
  for (std::string name, value; file >> name && std::getline(file, value);)
    if (name == field) return value.substr(value.find_first_not_of(" \t"));
  return "";
}

}  // namespace

Check check_perf() {
  const std::string paranoid = "perf_event_paranoid is " + setting("/proc/sys/kernel/perf_event_paranoid");
  if (open_page_faults(true) == 0) return {"perf", Works::Yes, "stacks of page faults; " + paranoid, ""};
  const int error = open_page_faults(false);
  if (error == 0)
    return {"perf", Works::Partly, "stacks of page faults of the program's own code; " + paranoid,
            "stacks of page faults inside system calls; the last lock call before them is shown"};
  return {"perf", Works::No, std::string(std::strerror(error)) + "; " + paranoid,
          "stacks of page faults; the last lock call before them is shown"};
}

Check check_userfaultfd() {
  const std::string sysctl =
      "vm.unprivileged_userfaultfd is " + setting("/proc/sys/vm/unprivileged_userfaultfd");
  if (error_of(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)) == 0)
    return {"userfaultfd", Works::Yes, "faults of all code can be served; " + sysctl, ""};
  const bool device = error_of(open("/dev/userfaultfd", O_RDWR | O_CLOEXEC)) == 0;
  if (device) return {"userfaultfd", Works::Yes, "by /dev/userfaultfd; " + sysctl, ""};
  const int error = error_of(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY));
  if (error == 0)
    return {"userfaultfd", Works::Partly, "faults of user code can be served; " + sysctl,
            "programs that need faults inside system calls served do not run here, watched or not"};
  return {"userfaultfd", Works::No, std::strerror(error),
          "programs that serve page faults do not run here, watched or not"};
}

Check check_libc() {
  const std::string version = std::string("glibc ") + gnu_get_libc_version();
  if (dlsym(RTLD_DEFAULT, "_dl_find_object") != nullptr) return {"libc", Works::Yes, version, ""};
  return {"libc", Works::Partly, version + " has no _dl_find_object (2.35 has)",
          "call stacks: only return addresses are recorded"};
}

Check check_symbols() {
  const char* const servers = std::getenv("DEBUGINFOD_URLS");
  const bool asks = servers != nullptr && *servers != '\0';
  std::error_code ignored;
  const bool installed = fs::exists("/usr/lib/debug/.build-id", ignored);
  if (asks || installed)
    return {"symbols", Works::Yes,
            asks ? std::string("separate debug information from ") + servers
                 : "separate debug information in /usr/lib/debug",
            ""};
  return {"symbols", Works::Partly,
          "what the files themselves hold; nothing in /usr/lib/debug, DEBUGINFOD_URLS is not set",
          "names and lines of code in stripped libraries"};
}

Check check_traces() {
  std::error_code ignored;
  const fs::path folder = fs::is_directory("faultline-out", ignored) ? "faultline-out" : ".";
  const std::string where = fs::absolute(folder, ignored).lexically_normal().string();
  std::string name = folder / ".faultline-doctor.XXXXXX";
  const int file = mkstemp(name.data());
  if (file < 0)
    return {"traces", Works::No, where + ": " + std::strerror(errno),
            "traces, unless -o or out= names another folder"};
  unlink(name.c_str());
  // The shim reserves space before it maps it.
  constexpr off_t kSegment = 64 << 10;
  const int error = posix_fallocate(file, 0, kSegment);
  close(file);
  if (error != 0)
    return {"traces", Works::No, where + ": " + std::strerror(error),
            "traces, unless -o or out= names another folder"};
  return {"traces", Works::Yes, where + " can be written", ""};
}

Check check_sandbox() {
  std::error_code ignored;
  std::string found;
  for (const char* mark : {"/.dockerenv", "/run/.containerenv"})
    if (fs::exists(mark, ignored)) found = "a container (" + std::string(mark) + ")";
  const bool filtered = own_status("Seccomp:") == "2";
  if (filtered) found += found.empty() ? "a seccomp filter" : " with a seccomp filter";
  if (!filtered)
    return {"sandbox", Works::Yes, found.empty() ? "none" : found + " without a seccomp filter", ""};
  return {"sandbox", Works::Partly, found,
          "whatever system calls it refuses; the lines above say which count"};
}

}  // namespace faultline
