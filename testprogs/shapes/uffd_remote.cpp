// uffd_service with its server in another process: it gets the descriptor over a socket, and both lock the
// directory through what processes can share.
//
//   uffd_remote HOW LOCK [inherited]
//
// HOW: touch, copy, clean, as of uffd_service; unmap, which gives a page back under the lock and touches
// none. LOCK: mutex (in a memfd that both map), file (flock). With a third argument the server is a child
// that inherits the descriptor.
#include <pthread.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "postcopy.h"

constexpr size_t kPages = 3;

// The directory's lock, of whichever kind, open in this process.
class DirectoryLock {
 public:
  DirectoryLock(pthread_mutex_t* mutex, const char* file) : mutex_(mutex) {
    if (mutex == nullptr) file_ = ::open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  }
  void lock() const {
    if (mutex_ != nullptr)
      pthread_mutex_lock(mutex_);
    else if (::flock(file_, LOCK_EX) != 0)
      std::abort();
  }
  void unlock() const {
    if (mutex_ != nullptr)
      pthread_mutex_unlock(mutex_);
    else if (::flock(file_, LOCK_UN) != 0)
      std::abort();
  }

 private:
  pthread_mutex_t* mutex_;
  int file_ = -1;
};

// A mutex that another process which maps the same memfd may lock.
pthread_mutex_t* map_mutex(int memfd, bool is_new) {
  auto* mutex = static_cast<pthread_mutex_t*>(
      ::mmap(nullptr, sizeof(pthread_mutex_t), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0));
  if (!is_new) return mutex;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return mutex;
}

struct Memory {
  uint64_t start;
  uint64_t page_size;
};

void send_descriptor(int socket, int fd, Memory memory) {
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof fd)]{};
  iovec data = {&memory, sizeof memory};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  if (::sendmsg(socket, &message, 0) != sizeof memory) std::abort();
}

int receive_descriptor(int socket, Memory& memory) {
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))]{};
  iovec data = {&memory, sizeof memory};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof memory) return -1;
  int fd = -1;
  if (const cmsghdr* rights = CMSG_FIRSTHDR(&message)) std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  return fd;
}

[[gnu::noinline]] void fetch_page(const DirectoryLock& directory, char* page, size_t index, size_t size) {
  if (index == 1) {
    directory.lock();
    std::memset(page, '?', size);
    directory.unlock();
  }
  std::memset(page, 'a' + static_cast<int>(index), size);
}

int serve(int uffd, Memory memory, const DirectoryLock& directory) {
  if (uffd < 0) return 1;
  serve_pages(uffd, next_by_read, memory.start, kPages, memory.page_size,
              [&](char* page, size_t index) { fetch_page(directory, page, index, memory.page_size); });
  return 0;
}

[[gnu::noinline]] char load(const char* page) {
  return *static_cast<const volatile char*>(page);
}

[[gnu::noinline]] char use_page(const DirectoryLock& directory, const char* page, size_t size, bool copies,
                                int file) {
  directory.lock();
  const char used = !copies                                                   ? load(page)
                    : ::write(file, page, size) == static_cast<ssize_t>(size) ? 'w'
                                                                              : '?';
  directory.unlock();
  return used;
}

[[gnu::noinline]] void give_back(const DirectoryLock& directory, char* page, size_t size) {
  directory.lock();
  ::munmap(page, size);
  directory.unlock();
}

int main(int argc, char** argv) {
  const std::string how = argv[1];
  const bool by_mutex = std::string(argv[2]) == "mutex";
  const int shared = memfd_create("directory", MFD_CLOEXEC);
  if (::ftruncate(shared, sizeof(pthread_mutex_t)) != 0) return 1;
  pthread_mutex_t* mutex = by_mutex ? map_mutex(shared, true) : nullptr;
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0) return 1;
  std::optional<PostcopyMemory> memory;
  const uint64_t features = how == "unmap" ? UFFD_FEATURE_EVENT_UNMAP : 0;
  if (argc > 3) memory.emplace(kPages, features);
  const auto described = [&] {
    return Memory{reinterpret_cast<uintptr_t>(memory->memory), memory->page_size};
  };
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(sockets[0]);
    const DirectoryLock directory(by_mutex ? map_mutex(shared, false) : nullptr, "directory.lock");
    if (memory) std::exit(serve(memory->uffd, described(), directory));
    Memory received{};
    const int uffd = receive_descriptor(sockets[1], received);
    std::exit(serve(uffd, received, directory));
  }
  ::close(sockets[1]);
  const DirectoryLock directory(mutex, "directory.lock");
  const bool sends = !memory;
  if (sends) memory.emplace(kPages, features);
  if (memory->uffd < 0) {
    std::printf("skipped: userfaultfd for faults of the kernel: %s\n", std::strerror(errno));
    return 77;
  }
  if (sends) send_descriptor(sockets[0], memory->uffd, described());
  ::close(memory->uffd);
  const int file = memfd_create("saved", MFD_CLOEXEC);
  const char first = load(memory->page(0));
  const char second = load(memory->page(1));
  if (how == "unmap") give_back(directory, memory->page(0), memory->page_size);
  if (how == "clean" || how == "unmap") load(memory->page(2));
  const char third = use_page(directory, memory->page(2), memory->page_size, how == "copy", file);
  std::printf("used %c%c%c\n", first, second, third);
  ::close(sockets[0]);
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child ? status : 1;
}
