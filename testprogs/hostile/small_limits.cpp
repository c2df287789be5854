// Locks under limits that leave no room: the size of files (SIGXFSZ ends who grows one) and the number of
// descriptors. The limits are set once in mid-run and once, by executing itself again, from the start.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string_view>
#include <vector>

std::vector<std::mutex> locks(20'000);

void lock_pairs() {
  for (size_t i = 0; i + 1 < locks.size(); ++i) {
    std::lock_guard outer(locks[i]);
    std::lock_guard inner(locks[i + 1]);
  }
}

void limit(int resource, rlim_t value) {
  const rlimit to = {.rlim_cur = value, .rlim_max = value};
  setrlimit(static_cast<__rlimit_resource>(resource), &to);
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string_view what = argv[1];
  const bool again = argc > 2;
  if (what == "file-size") limit(RLIMIT_FSIZE, 8192);
  // One descriptor besides the standard ones: the loader of an executed program needs it.
  if (what == "descriptors") limit(RLIMIT_NOFILE, 4);
  lock_pairs();
  const int first = open("/dev/null", O_RDONLY);
  const int second = open("/dev/null", O_RDONLY);
  std::printf("%s: locked, open %d, %d\n", argv[1], first, second);
  std::fflush(stdout);
  if (again) return 0;
  close(first);
  close(second);
  execl(argv[0], argv[0], argv[1], "again", nullptr);
  return 1;
}
