// A mutex and a lock on a file, in both orders, by two threads that have each opened the file. The first
// argument is the kind of file lock; the second, where there is one, what makes the cycle harmless:
//   try     the second thread takes the mutex first and only tries the file's lock
//   shared  both read the file
//   bytes   the threads lock different bytes
//   close, fclose, unlock   the first thread has given the file's lock up before it takes the mutex, in that
//   way
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>

std::mutex index_lock;
std::binary_semaphore first_done{0};
std::string kind;
std::string twist;

int take_record(int fd, int command, off_t start) {
  struct flock range {};
  range.l_type = static_cast<short>(twist == "shared" ? F_RDLCK : F_WRLCK);
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = 1;
  return fcntl(fd, command, &range);
}

int take_file(int fd, bool wait, off_t start) {
  if (kind == "flock") return flock(fd, (twist == "shared" ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB));
  if (kind == "ofd") return take_record(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, start);
  if (kind == "posix") return take_record(fd, wait ? F_SETLKW : F_SETLK, start);
  return lockf(fd, wait ? F_LOCK : F_TLOCK, 1);
}

void rewrite(FILE* file) {
  const int fd = fileno(file);
  if (take_file(fd, true, 0) != 0) std::abort();
  if (twist == "unlock") flock(fd, LOCK_UN);
  if (twist == "close") close(fd);
  if (twist == "fclose") std::fclose(file);
  { std::lock_guard index(index_lock); }
  if (kind == "flock" && twist.empty()) flock(fd, LOCK_UN);
  if (twist != "close" && twist != "fclose") std::fclose(file);
  first_done.release();
}

void look_up(FILE* file) {
  first_done.acquire();
  {
    std::lock_guard index(index_lock);
    if (take_file(fileno(file), twist != "try", twist == "bytes" ? 100 : 0) != 0) std::abort();
  }
  std::fclose(file);
}

int main(int argc, char** argv) {
  kind = argc > 1 ? argv[1] : "flock";
  twist = argc > 2 ? argv[2] : "";
  char path[] = "/tmp/faultline-file-abba.XXXXXX";
  const int made = mkstemp(path);
  FILE* of_first = std::fopen(path, "r+");
  FILE* of_second = std::fopen(path, "r+");
  unlink(path);
  if (made < 0 || !of_first || !of_second) return 1;
  std::thread first(rewrite, of_first);
  std::thread second(look_up, of_second);
  first.join();
  second.join();
}
