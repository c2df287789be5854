// Every form of exec, from the first thread and from another one, with threads about, with the environment
// passed on, replaced and emptied. A child locks, then becomes this program again, which locks and says how
// it was called.
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
char self[4096];

void lock_both() {
  const std::lock_guard a(lock_a);
  const std::lock_guard b(lock_b);
}

// Environments: with one variable more than ours has, and with no other than that.
char mark[] = "EXEC_FORMS=marked";
char* bare[] = {mark, nullptr};

char** extended() {
  std::size_t count = 0;
  while (environ[count] != nullptr) ++count;
  auto** all = static_cast<char**>(std::calloc(count + 2, sizeof(char*)));
  std::memcpy(all, environ, count * sizeof(char*));
  all[count] = mark;
  return all;
}

template <class Exec>
void in_child(const char* how, Exec exec) {
  const pid_t child = fork();
  if (child == 0) {
    lock_both();
    exec(how);
    std::printf("%s failed\n", how);
    std::fflush(stdout);
    _exit(1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::printf("  status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  std::fflush(stdout);
}

// The other threads of a process that execs are gone in the middle of what they did.
void from_a_thread(const char* how) {
  std::binary_semaphore never{0};
  std::thread waiting([&] {
    const std::lock_guard a(lock_a);
    never.acquire();
  });
  std::thread([how] {
    lock_b.lock();
    execl(self, self, how, nullptr);
  }).join();
}

int main(int argc, char** argv) {
  if (argc > 1) {
    lock_both();
    std::printf("%s: marked %d, words %d\n", argv[1], std::getenv("EXEC_FORMS") != nullptr, argc);
    return 7;
  }
  if (!realpath(argv[0], self)) return 2;
  char* const name = std::strrchr(self, '/') + 1;
  setenv("PATH", std::string(self, name).c_str(), 1);

  const auto words = [](const char* how) {
    static char* list[3];
    list[0] = self;
    list[1] = const_cast<char*>(how);
    return list;
  };
  in_child("execl", [](const char* how) { execl(self, self, how, nullptr); });
  in_child("execlp", [&](const char* how) { execlp(name, name, how, nullptr); });
  in_child("execle", [](const char* how) { execle(self, self, how, nullptr, extended()); });
  in_child("execv", [&](const char* how) { execv(self, words(how)); });
  in_child("execvp", [&](const char* how) { execvp(name, words(how)); });
  in_child("execvpe", [&](const char* how) { execvpe(name, words(how), extended()); });
  in_child("execve", [&](const char* how) { execve(self, words(how), extended()); });
  in_child("fexecve", [&](const char* how) { fexecve(open(self, O_RDONLY), words(how), extended()); });
  in_child("execveat",
           [&](const char* how) { syscall(SYS_execveat, AT_FDCWD, self, words(how), extended(), 0); });
  in_child("execve in a bare environment", [&](const char* how) { execve(self, words(how), bare); });
  in_child("execl of nothing", [](const char*) { execl("/nonexistent", "nothing", nullptr); });
  in_child("execl in a thread", from_a_thread);
}
