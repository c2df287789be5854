#include "trace_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "input_error.h"
#include "trace_format.h"

namespace faultline {

namespace {

namespace fs = std::filesystem;

class Search {
 public:
  void add(const fs::path& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) throw InputError(path.string() + ": no such file or folder");
      throw InputError(path.string() + ": cannot be read: " + std::strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) {
      if (folders_.emplace(status.st_dev, status.st_ino).second) add_folder(path);
    } else if (S_ISREG(status.st_mode)) {
      add_file(path, status, true);
    } else {
      throw InputError(path.string() + ": neither a file nor a folder; give a trace that faultline recorded");
    }
  }
  TraceFiles result() { return std::move(result_); }

 private:
  void add_folder(const fs::path& folder) {
    std::vector<fs::path> entries;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
      if (entry->path().extension() == kTraceSuffix) entries.push_back(entry->path());
    if (error) throw InputError(folder.string() + ": cannot be read: " + error.message());
    std::ranges::sort(entries);
    for (const fs::path& entry : entries) {
      struct stat status {};
      if (stat(entry.c_str(), &status) != 0) {
        if (errno != ENOENT && errno != ELOOP)
          throw InputError(entry.string() + ": cannot be read: " + std::strerror(errno));
        result_.warnings.push_back(entry.string() + ": a link to nothing; it is left out");
      } else if (S_ISREG(status.st_mode)) {
        add_file(entry, status, false);
      } else if (!S_ISDIR(status.st_mode)) {
        result_.warnings.push_back(entry.string() + ": not a file; it is left out");
      }
    }
  }

  void add_file(const fs::path& path, const struct stat& status, bool named) {
    const auto [known, fresh] = known_.try_emplace({status.st_dev, status.st_ino}, result_.files.size());
    if (fresh) result_.files.push_back({path, named});
    if (named) result_.files[known->second].named = true;
  }

  TraceFiles result_;
  std::set<std::pair<dev_t, ino_t>> folders_;
  std::map<std::pair<dev_t, ino_t>, std::size_t> known_;  // where in result_.files
};

}  // namespace

TraceFiles find_traces(std::span<const fs::path> paths) {
  Search search;
  for (const fs::path& path : paths) search.add(path);
  return search.result();
}

}  // namespace faultline
