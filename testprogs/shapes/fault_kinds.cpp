// Page faults of every sort under one lock, each in a function of its own: fresh memory, a file in the page
// cache, a private copy of a file's page, a copy after fork, the kernel's own copy into a fresh buffer. With
// an argument everything is touched before the lock is taken, and again under it.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

std::mutex table_lock;

namespace {

constexpr size_t kPage = 4096;

volatile char* map(int flags, int file = -1) {
  void* memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, flags, file, 0);
  if (memory == MAP_FAILED) std::abort();
  return static_cast<volatile char*>(memory);
}

int file_of_one_page() {
  const int file = memfd_create("page", MFD_CLOEXEC);
  char page[kPage];
  std::memset(page, 'x', sizeof page);
  if (file < 0 || write(file, page, sizeof page) != sizeof page) std::abort();
  return file;
}

}  // namespace

[[gnu::noinline]] void write_fresh_memory(volatile char* memory) {
  *memory = 1;
}
[[gnu::noinline]] char read_cached_file(volatile char* memory) {
  return *memory;
}
[[gnu::noinline]] void write_private_copy(volatile char* memory) {
  *memory = 2;
}
[[gnu::noinline]] void write_after_fork(volatile char* memory) {
  *memory = 3;
}
[[gnu::noinline]] ssize_t read_into_fresh_buffer(int file, volatile char* memory) {
  return pread(file, const_cast<char*>(memory), kPage, 0);
}

struct Memory {
  int file = file_of_one_page();
  volatile char* fresh = map(MAP_PRIVATE | MAP_ANONYMOUS);
  volatile char* cached = map(MAP_SHARED, file);
  volatile char* private_copy = map(MAP_PRIVATE, file);
  volatile char* forked = map(MAP_PRIVATE | MAP_ANONYMOUS);
  volatile char* buffer = map(MAP_PRIVATE | MAP_ANONYMOUS);
};

[[gnu::noinline]] void touch_everything(const Memory& memory) {
  write_fresh_memory(memory.fresh);
  const char seen = read_cached_file(memory.cached);
  write_private_copy(memory.private_copy);
  write_after_fork(memory.forked);
  const ssize_t got = read_into_fresh_buffer(memory.file, memory.buffer);
  std::printf("%c %zd\n", seen, got);
}

int main(int argc, char**) {
  setvbuf(stdout, nullptr, _IONBF, 0);
  const Memory memory;
  *memory.forked = 1;
  static_cast<void>(*memory.private_copy);  // present, but the file's own page
  // While the child lives, the page is shared with it.
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[1]);
    char byte;
    _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
  }
  if (argc > 1) touch_everything(memory);
  {
    const std::lock_guard guard(table_lock);
    touch_everything(memory);
  }
  close(ends[0]);
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}
