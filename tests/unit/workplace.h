// The `faultline` command run from outside, each time in a folder of its own.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace faultline {

inline constexpr char kTrace[] = FAULTLINE_GOLDEN "/inode_mmap.jsonl";  // one error, one warning

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Result {
  int status = 0;
  std::string out;
  std::string err;
};

// A folder of its own for each test, which is where the commands run.
class Workplace {
 public:
  Workplace() {
    std::string name = std::filesystem::temp_directory_path() / "faultline-test-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~Workplace() { std::filesystem::remove_all(folder_); }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

  // Runs a shell command in which $F is `faultline`.
  Result run(const std::string& command) const {
    const std::string line = "cd " + folder_.string() + " && export F='" FAULTLINE_COMMAND "' && { " +
                             command + "; } >stdout 2>stderr";
    const int status = std::system(line.c_str());
    return {WEXITSTATUS(status), text_of(folder_ / "stdout"), text_of(folder_ / "stderr")};
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace faultline
