#include "executable.h"

#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace faultline {

namespace {

namespace fs = std::filesystem;

fs::path found_through_path(const std::string& command) {
  const char* const path = std::getenv("PATH");
  if (command.find('/') != std::string::npos || path == nullptr) return command;
  std::istringstream folders(path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (fs::path file = fs::path(folder) / command; access(file.c_str(), X_OK) == 0) return file;
  return command;
}

// Of a script, what its first line names; else empty.
fs::path interpreter_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string line;
  if (in.get() != '#' || in.get() != '!' || !std::getline(in, line)) return {};
  std::istringstream words(line);
  std::string interpreter;
  std::string argument;
  words >> interpreter >> argument;
  return fs::path(interpreter).filename() == "env" && !argument.empty() ? found_through_path(argument)
                                                                        : fs::path(interpreter);
}

// The dynamic linker then listens to no environment (AT_SECURE).
bool gains_privileges(const fs::path& file) {
  struct stat st {};
  if (stat(file.c_str(), &st) != 0) return false;
  if ((st.st_mode & S_ISUID) != 0 && st.st_uid != geteuid()) return true;
  if ((st.st_mode & S_ISGID) != 0 && st.st_gid != getegid()) return true;
  return geteuid() != 0 && getxattr(file.c_str(), "security.capability", nullptr, 0) > 0;
}

constexpr char kOtherwise[] =
    "it took LD_PRELOAD out of its environment, could not load the library, or ended before it was loaded";

std::string why_unseen_elf(Elf* elf) {
  GElf_Ehdr header;
  if (elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == nullptr) return kOtherwise;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
    return "it is built for another kind of processor than the library (32 bits, or another machine)";
  std::size_t count = 0;
  elf_getphdrnum(elf, &count);
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) != nullptr && segment.p_type == PT_INTERP)
      return kOtherwise;
  }
  return "it is linked statically, so nothing can be preloaded into it";
}

}  // namespace

std::string why_unseen(const std::string& command) {
  fs::path file = found_through_path(command);
  if (const fs::path interpreter = interpreter_of(file); !interpreter.empty()) file = interpreter;
  if (gains_privileges(file))
    return "it gains privileges when it starts (setuid, setgid or file capabilities), so the dynamic linker "
           "preloads nothing into it";
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return kOtherwise;
  elf_version(EV_CURRENT);
  const std::unique_ptr<Elf, decltype(&elf_end)> elf(elf_begin(descriptor, ELF_C_READ, nullptr), elf_end);
  std::string why = elf ? why_unseen_elf(elf.get()) : kOtherwise;
  close(descriptor);
  return why;
}

}  // namespace faultline
