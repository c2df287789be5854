#include "destinations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>

#include "input_error.h"

namespace faultline {

namespace {

namespace fs = std::filesystem;

// As many links as the kernel follows.
constexpr int kMaxLinks = 40;

// The file that opening `path` would create or open, through links that lead to nothing yet.
fs::path behind_links(const std::string& path) {
  fs::path end = path;
  std::error_code error;
  for (int i = 0; i < kMaxLinks && fs::is_symlink(end, error); ++i)
    end = end.parent_path() / fs::read_symlink(end, error);
  return end;
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

std::string place_of(const struct stat& status) {
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

// The same text for two paths that lead to one file, there or not yet.
std::string place_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) return place_of(status);
  const fs::path end = behind_links(path);
  if (stat(folder_of(end).c_str(), &status) != 0) return path;
  return place_of(status) + "/" + end.filename().string();
}

// A terminal may be named twice: nothing in it is overwritten.
std::string place_of(int descriptor) {
  struct stat status {};
  const bool stored =
      fstat(descriptor, &status) == 0 && (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode));
  return stored ? place_of(status) : "";
}

bool permits(const fs::path& path, int access) {
  return faccessat(AT_FDCWD, path.c_str(), access, AT_EACCESS) == 0;
}

void check_writable(const std::string& path) {
  errno = 0;
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode))
      errno = EISDIR;
    else if (permits(path, W_OK))
      return;
  } else if (errno == ENOENT && permits(folder_of(behind_links(path)), W_OK | X_OK)) {
    return;
  }
  throw InputError(path + ": cannot be written: " + std::strerror(errno));
}

}  // namespace

void check_destinations(std::span<const std::string> destinations, int descriptor,
                        std::span<const fs::path> inputs) {
  std::set<std::string> read;
  for (const fs::path& input : inputs) read.insert(place_of(input.string()));
  std::set<std::string> written;
  for (const std::string& destination : destinations) {
    const std::string place = destination.empty() ? place_of(descriptor) : place_of(destination);
    const std::string name = destination.empty() ? "one output" : destination;
    if (!written.insert(place).second)
      throw InputError("two reports would be mixed in " + name +
                       "; give each its own file: --format=json:FILE");
    if (read.contains(place))
      throw InputError((destination.empty() ? "the output" : destination) +
                       ": is one of the inputs, which the report would overwrite; choose another file");
    if (!destination.empty()) check_writable(destination);
  }
}

}  // namespace faultline
