// Calls that move bytes, in their odd ways, under a lock and in a process whose memory a userfaultfd serves,
// so that each is looked at: bad addresses and vectors, descriptors that are none, signals, cancellation.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

std::mutex lock;
char* served;  // two pages, both there
char* hole;    // a page that cannot be touched, behind one that can
int file;
// What no compiler is to warn of.
volatile size_t beyond = SIZE_MAX;
volatile int fewer_than_none = -1;
volatile int too_many = IOV_MAX + 1;

// Each starts with errno as nobody leaves it.
template <class Call>
void show(const char* what, Call call) {
  std::lock_guard held(lock);
  errno = 4711;
  const auto result = static_cast<long>(call());
  std::printf("%s: %ld, %d\n", what, result, result < 0 ? errno : 0);
}

bool serve_memory() {
  served = static_cast<char*>(
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
  hole = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(hole + 4096, 4096, PROT_NONE);  // unmapped, it could be somebody's again
  const int fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));
  uffdio_api api = {.api = UFFD_API, .features = 0, .ioctls = 0};
  uffdio_register range = {.range = {.start = reinterpret_cast<uintptr_t>(served), .len = 8192},
                           .mode = UFFDIO_REGISTER_MODE_MISSING,
                           .ioctls = 0};
  return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &range) == 0;
}

void single_buffers() {
  char* nowhere = hole + 4096;
  show("write", [] { return write(file, served, 8192); });
  show("pread", [] { return pread(file, served, 8192, 0); });
  show("pread past the end", [] { return pread(file, served, 10, 1 << 20); });
  show("pread before the start", [] { return pread(file, served, 10, -1); });
  show("pread into nothing", [=] { return pread(file, nowhere, 10, 0); });
  show("pread half into nothing", [=] { return pread(file, nowhere - 10, 20, 0); });
  show("pwrite of nothing", [=] { return pwrite(file, nowhere, 10, 0); });
  show("read of no bytes", [] { return read(file, nullptr, 0); });
  show("read of all bytes", [] { return read(file, served, SSIZE_MAX); });
  show("read by no descriptor", [] { return read(-1, served, 10); });
  show("write by no descriptor", [] { return write(4711, served, 10); });
  show("a length beyond memory", [] { return write(file, served, beyond); });
  show("recv by a file", [] { return recv(file, served, 10, 0); });
  show("send by a file", [] { return send(file, served, 10, 0); });
  show("sendto by a file", [] { return sendto(file, served, 10, 0, nullptr, 0); });
  show("recvfrom by a file", [] { return recvfrom(file, served, 10, 0, nullptr, nullptr); });
  show("sendfile to itself", [] { return sendfile(file, -1, nullptr, 10); });
  show("splice of files", [] { return splice(file, nullptr, file, nullptr, 10, 0); });
  show("copy_file_range by none", [] { return copy_file_range(-1, nullptr, file, nullptr, 10, 0); });
}

void vectors() {
  const auto* nowhere = reinterpret_cast<const iovec*>(hole + 4096);
  const iovec pieces[] = {{served, 5}, {served + 4096, 5}, {hole + 4096, 5}};
  show("writev", [&] { return writev(file, pieces, 2); });
  show("readv half into nothing", [&] { return preadv(file, pieces, 3, 0); });
  show("a vector that is nowhere", [=] { return readv(file, nowhere, 1); });
  show("a vector that is cut off", [=] { return writev(file, nowhere - 1, 2); });
  show("no pieces", [&] { return readv(file, pieces, 0); });
  show("fewer than none", [&] { return readv(file, pieces, fewer_than_none); });
  show("too many", [&] { return writev(file, pieces, too_many); });
  show("preadv2 with unknown flags", [&] { return preadv2(file, pieces, 2, 0, 1 << 30); });
  show("pwritev2", [&] { return pwritev2(file, pieces, 2, 0, 0); });
  show("vmsplice to a file", [&] { return vmsplice(file, pieces, 2, 0); });
  show("process_vm_readv", [&] { return process_vm_readv(getpid(), pieces, 2, pieces, 2, 0); });
  show("process_vm_readv of nobody", [&] { return process_vm_readv(INT_MAX, pieces, 2, pieces, 2, 0); });
  show("process_vm_writev, bad vector",
       [=] { return process_vm_writev(getpid(), nowhere, 1, nowhere, 1, 0); });
}

void messages() {
  int ends[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
  iovec piece = {served, 10};
  msghdr message = {};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  mmsghdr several[2] = {{message, 0}, {message, 0}};
  auto* nowhere = reinterpret_cast<msghdr*>(hole + 4096);
  show("sendmsg", [&] { return sendmsg(ends[0], &message, 0); });
  show("sendmmsg", [&] { return sendmmsg(ends[0], several, 2, 0); });
  show("recvmsg", [&] { return recvmsg(ends[1], &message, 0); });
  show("recvmmsg", [&] { return recvmmsg(ends[1], several, 2, MSG_DONTWAIT, nullptr); });
  show("recvmsg of nothing", [&] { return recvmsg(ends[1], &message, MSG_DONTWAIT); });
  show("sendmsg of a message nowhere", [&] { return sendmsg(ends[0], nowhere, 0); });
  show("recvmsg into a message nowhere", [&] { return recvmsg(ends[1], nowhere, MSG_DONTWAIT); });
  show("no messages", [&] { return sendmmsg(ends[0], several, 0, 0); });
  message.msg_iovlen = 1 << 20;
  show("more pieces than may be", [&] { return sendmsg(ends[0], &message, 0); });
  // A descriptor that comes in, and one whose room is too small.
  char control[CMSG_SPACE(sizeof(int))] = {};
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* with = CMSG_FIRSTHDR(&message);
  *with = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  std::memcpy(CMSG_DATA(with), &file, sizeof file);
  show("sends a descriptor", [&] { return sendmsg(ends[0], &message, 0); });
  show("receives it", [&] { return recvmsg(ends[1], &message, 0); });
  std::printf("flags %d, %zu bytes of control\n", message.msg_flags, message.msg_controllen);
  show("sends it again", [&] { return sendmsg(ends[0], &message, 0); });
  message.msg_controllen = 4;
  show("has no room for it", [&] { return recvmsg(ends[1], &message, 0); });
  std::printf("flags %d, %zu bytes of control\n", message.msg_flags, message.msg_controllen);
}

void* blocked_reader(void* pipe_end) {
  pthread_cleanup_push([](void*) { std::printf("cleaned up\n"); }, nullptr);
  std::lock_guard held(lock);
  iovec piece = {served, 10};
  readv(*static_cast<int*>(pipe_end), &piece, 1);
  pthread_cleanup_pop(0);
  return nullptr;
}

void interruptions() {
  int ends[2];
  if (pipe(ends) != 0) return;
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);
  ualarm(20000, 0);
  show("read until a signal", [&] { return read(ends[0], served, 10); });
  pthread_t thread;
  pthread_create(&thread, nullptr, blocked_reader, &ends[0]);
  usleep(20000);
  pthread_cancel(thread);
  void* result;
  pthread_join(thread, &result);
  std::printf("cancelled: %d\n", result == PTHREAD_CANCELED);
  const pid_t child = fork();
  if (child == 0) {
    show("write in a child", [&] { return write(ends[1], served, 10); });
    std::fflush(stdout);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  show("read what it wrote", [&] { return read(ends[0], served, 10); });
}

int main() {
  file = memfd_create("file", MFD_CLOEXEC);
  if (!serve_memory()) {
    std::printf("skipped: userfaultfd: %s\n", std::strerror(errno));
    return 77;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  single_buffers();
  vectors();
  messages();
  interruptions();
}
