// vfork and exec, posix_spawn, system and popen, all with a lock held and another thread about.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;

int status_of(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char** argv) {
  if (argc > 1) {
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
    return std::atoi(argv[1]);
  }
  std::binary_semaphore finish{0};
  std::thread other([&] { finish.acquire(); });
  std::lock_guard held(lock_a);

  const pid_t by_vfork = vfork();
  if (by_vfork == 0) {
    execl(argv[0], argv[0], "11", nullptr);
    _exit(99);
  }
  std::printf("vfork and exec: %d\n", status_of(by_vfork));

  const pid_t no_such_program = vfork();
  if (no_such_program == 0) {
    execl("/nonexistent/program", "program", nullptr);
    _exit(98);
  }
  std::printf("vfork and failed exec: %d\n", status_of(no_such_program));

  pid_t by_spawn = 0;
  char number[] = "12";
  char* const arguments[] = {argv[0], number, nullptr};
  const int spawned = posix_spawn(&by_spawn, argv[0], nullptr, nullptr, arguments, environ);
  std::printf("posix_spawn: %d, %d\n", spawned, status_of(by_spawn));

  std::printf("system: %d\n", WEXITSTATUS(std::system("exit 13")));
  FILE* pipe = popen("echo through a pipe", "r");
  char line[64] = "";
  if (pipe && std::fgets(line, sizeof line, pipe)) std::printf("popen: %s", line);
  std::printf("pclose: %d\n", pclose(pipe));

  lock_b.lock();
  lock_b.unlock();
  finish.release();
  other.join();
}
