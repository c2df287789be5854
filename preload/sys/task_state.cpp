#include "sys/task_state.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include <cstring>

#include "raw_syscall.h"

namespace faultline::sys {
namespace {

constexpr char kSelf[] = "/proc/self/";

// "task/TID/NAME"
struct TaskFile {
  char name[48] = "task/";

  TaskFile(int tid, const char* file) {
    std::size_t end = 5;
    char digits[12];
    int count = 0;
    for (int rest = tid; rest > 0; rest /= 10) digits[count++] = static_cast<char>('0' + rest % 10);
    while (count > 0) name[end++] = digits[--count];
    name[end++] = '/';
    std::memcpy(name + end, file, std::strlen(file) + 1);
  }
};

// The number at `text`, which moves behind it: hexadecimal where it begins with 0x.
unsigned long number_at(const char*& text) {
  unsigned long value = 0;
  if (text[0] == '0' && text[1] == 'x') {
    for (text += 2;; ++text) {
      if (*text >= '0' && *text <= '9')
        value = value << 4 | static_cast<unsigned long>(*text - '0');
      else if (*text >= 'a' && *text <= 'f')
        value = value << 4 | static_cast<unsigned long>(*text - 'a' + 10);
      else
        return value;
    }
  }
  for (; *text >= '0' && *text <= '9'; ++text) value = value * 10 + static_cast<unsigned long>(*text - '0');
  return value;
}

}  // namespace

std::size_t read_proc(const char* name, char* text, std::size_t capacity) {
  char path[96];
  std::memcpy(path, kSelf, sizeof kSelf - 1);
  std::memcpy(path + sizeof kSelf - 1, name, std::strlen(name) + 1);
  const long fd = call(SYS_openat, AT_FDCWD, as_long(path), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  std::size_t size = 0;
  for (long got; size + 1 < capacity && (got = call(SYS_read, fd, as_long(text + size),
                                                    static_cast<long>(capacity - 1 - size))) > 0;)
    size += static_cast<std::size_t>(got);
  call(SYS_close, fd);
  text[size] = '\0';
  return size;
}

TaskCall task_call(int tid) {
  char text[64];
  if (read_proc(TaskFile(tid, "syscall").name, text, sizeof text) < 2)
    return {TaskCall::State::Unknown, 0, 0};
  if (text[0] == 'r') return {TaskCall::State::Running, 0, 0};
  if (text[0] == '-') return {TaskCall::State::User, 0, 0};
  const char* at = text;
  const auto number = static_cast<long>(number_at(at));
  if (*at == ' ') ++at;
  return {TaskCall::State::Call, number, number_at(at)};
}

bool sleeps_in_userfault(int tid) {
  char text[64];
  return read_proc(TaskFile(tid, "wchan").name, text, sizeof text) != 0 &&
         std::strcmp(text, "handle_userfault") == 0;
}

bool is_zombie(int tid) {
  // The state follows the name, which is in parentheses and may hold anything.
  char text[128];
  if (read_proc(TaskFile(tid, "stat").name, text, sizeof text) == 0) return false;
  const char* end = std::strrchr(text, ')');
  return end != nullptr && end[1] == ' ' && end[2] == 'Z';
}

bool is_gone(int tid) {
  return call(SYS_tgkill, call(SYS_getpid), tid, 0) == -ESRCH;
}

bool each_task(char* buffer, std::size_t capacity, bool (*visit)(int, void*), void* data) {
  struct Entry {
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t size;
    unsigned char type;
    char name[5];  // as long as it is
  };
  const long fd = call(SYS_openat, AT_FDCWD, as_long("/proc/self/task"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  bool all = true;
  long size = 0;
  while (all && (size = call(SYS_getdents64, fd, as_long(buffer), static_cast<long>(capacity))) > 0) {
    for (long at = 0; all && at < size;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      const char* name = entry->name;
      if (*name != '.') all = visit(static_cast<int>(number_at(name)), data);
      at += entry->size;
    }
  }
  call(SYS_close, fd);
  return all && size == 0;
}

void sleep_ms(long milliseconds) {
  const timespec time{milliseconds / 1000, milliseconds % 1000 * 1000000};
  call(SYS_nanosleep, as_long(&time), 0);
}

}  // namespace faultline::sys
