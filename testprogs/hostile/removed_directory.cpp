// The working directory is removed under the program, which then locks, forks and goes on.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

std::mutex lock_a;
std::mutex lock_b;

void lock_both() {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
}

int main() {
  char path[] = "/tmp/removed_directory.XXXXXX";
  if (!mkdtemp(path) || chdir(path) != 0 || rmdir(path) != 0) return 1;
  lock_both();
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    lock_both();
    _exit(6);
  }
  int status = 0;
  waitpid(child, &status, 0);
  char where[64];
  std::printf("child %d, directory %s\n", WEXITSTATUS(status), getcwd(where, sizeof where) ? where : "gone");
}
