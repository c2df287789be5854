#include "recording.h"

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>

#include <barrier>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>

#include "runtime.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

// The folder of the traces; a forked child leaves it to its parent.
class TraceFolder {
 public:
  TraceFolder() {
    std::string name = fs::temp_directory_path() / "faultline-rooms-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  ~TraceFolder() {
    if (getpid() == owner_) fs::remove_all(path_);
  }
  TraceFolder(const TraceFolder&) = delete;
  TraceFolder& operator=(const TraceFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  pid_t owner_ = getpid();
};

}  // namespace

void record_here() {
  static const TraceFolder folder;
  static const bool started = [] {
    std::string setting = "FAULTLINE_OPTIONS=faults=off:out=" + folder.path().string();
    char* environment[] = {setting.data(), nullptr};
    start(environment);
    return true;
  }();
  if (!started || !recording() || !trace.is_open()) throw std::runtime_error("nothing is recorded");
}

std::vector<Json> records_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<Json> found;
  for (std::string line; std::getline(in, line);) {
    // What the writer has not reached is NUL; a record that it was torn from begins so too.
    const std::size_t begin = std::min(line.find_first_not_of('\0'), line.size());
    line.erase(0, begin);
    if (!line.empty() && (begin == 0 || Json::accept(line))) found.push_back(Json::parse(line));
  }
  return found;
}

std::vector<Json> records(const std::string& type) {
  std::vector<Json> found = records_of(trace.path());
  std::erase_if(found, [&](const Json& record) { return record.at("t") != type; });
  return found;
}

std::uint64_t lost(Lost cause) {
  return trace.stats.lost[static_cast<int>(cause)].load();
}

int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string standard_error_of(const std::function<void()>& body) {
  std::FILE* file = std::tmpfile();
  if (file == nullptr) throw std::system_error(errno, std::generic_category(), "tmpfile");
  const int kept = dup(2);
  dup2(fileno(file), 2);
  body();
  dup2(kept, 2);
  close(kept);
  std::rewind(file);
  std::string text;
  for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

void in_threads(int count, const std::function<void(int)>& body) {
  std::barrier together(count);
  std::vector<std::thread> threads;
  for (int number = 0; number < count; ++number)
    threads.emplace_back([&, number] {
      together.arrive_and_wait();
      body(number);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace faultline
