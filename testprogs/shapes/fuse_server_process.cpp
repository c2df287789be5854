// fuse_server_process DIRECTORY CALL-LOCK SERVER-LOCK: a child process serves a file system at DIRECTORY, and
// locks the file SERVER-LOCK to fill a page. The parent reads a page, so that the kernel has it, and reads it
// again while it has the file CALL-LOCK locked.
#include <sys/file.h>
#include <sys/wait.h>

#include <cstdio>

#include "fuse_notes.h"

class FileLock {
 public:
  explicit FileLock(const char* path) : file_(::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    ::flock(file_, LOCK_EX);
  }
  ~FileLock() { ::close(file_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_;
};

const char* server_lock;

void fill_page(char* content, size_t size) {
  const FileLock locked(server_lock);
  std::memset(content, 'x', size);
}

[[gnu::noinline]] ssize_t read_locked(int note, const char* lock) {
  char buffer[64];
  const FileLock locked(lock);
  return ::pread(note, buffer, sizeof buffer, 0);
}

int main(int count, char** arguments) {
  if (count < 4) return 2;
  server_lock = arguments[3];
  pid_t server;
  {
    Notes notes(arguments[1], fill_page);
    if (!notes.ok()) {
      std::printf("skipped: %s\n", notes.refused().c_str());
      return 77;
    }
    server = ::fork();
    if (server == 0) {
      notes.serve();
      std::exit(0);
    }
    char buffer[64];
    const int note = ::open(notes.path().c_str(), O_RDONLY | O_CLOEXEC);
    std::printf("read %zd\n", ::pread(note, buffer, sizeof buffer, 0));
    std::printf("read %zd\n", read_locked(note, arguments[2]));
    ::close(note);
  }
  ::waitpid(server, nullptr, 0);
}
