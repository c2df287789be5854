// uffd_transfers CALL MEMORY: the table is held over a system call whose buffer lies in the pager's memory
// ("served"), where the page has been fetched long before, or in memory of its own ("ordinary"). The pager
// takes the transport lock to fetch a page, and a third thread holds that and wants the table: had the page
// not been there, table -> (page fault) -> transport -> table.
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <semaphore>

#include "uffd_pager.h"

// What programs built with _FORTIFY_SOURCE call.
extern "C" {
ssize_t __read_chk(int fd, void* buffer, size_t size, size_t room);
ssize_t __pread_chk(int fd, void* buffer, size_t size, off_t offset, size_t room);
ssize_t __recv_chk(int fd, void* buffer, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void* buffer, size_t size, size_t room, int flags, sockaddr* address,
                       socklen_t* length);
}

std::mutex table_lock;
std::mutex transport_lock;
std::binary_semaphore done{0};

void fetch_page(char* page, size_t size) {
  std::lock_guard transport(transport_lock);
  std::memset(page, 'x', size);
}

// A file, a socket with a message waiting in it, and a pipe.
struct Ends {
  int file;
  std::array<int, 2> sockets;
  std::array<int, 2> pipe;
};

using Call = std::function<ssize_t(const Ends&, char* buffer, size_t size)>;

// The second of the two pieces lies where the call is to touch.
struct Vector {
  char own[16] = {};
  std::array<iovec, 2> pieces;
  msghdr message = {};
  mmsghdr messages = {};

  Vector(char* buffer, size_t size) : pieces{iovec{own, sizeof own}, iovec{buffer, size}} {
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    messages.msg_hdr = message;
  }
  msghdr* as_message() { return &message; }
  mmsghdr* as_messages() { return &messages; }
};

const std::map<std::string, Call> calls = {
    {"read", [](const Ends& e, char* b, size_t n) { return ::read(e.file, b, n); }},
    {"__read_chk", [](const Ends& e, char* b, size_t n) { return ::__read_chk(e.file, b, n, n); }},
    {"write", [](const Ends& e, char* b, size_t n) { return ::write(e.file, b, n); }},
    {"pread", [](const Ends& e, char* b, size_t n) { return ::pread(e.file, b, n, 0); }},
    {"__pread_chk", [](const Ends& e, char* b, size_t n) { return ::__pread_chk(e.file, b, n, 0, n); }},
    {"pwrite", [](const Ends& e, char* b, size_t n) { return ::pwrite(e.file, b, n, 0); }},
    {"pread64", [](const Ends& e, char* b, size_t n) { return ::pread64(e.file, b, n, 0); }},
    {"pwrite64", [](const Ends& e, char* b, size_t n) { return ::pwrite64(e.file, b, n, 0); }},
    {"readv",
     [](const Ends& e, char* b, size_t n) { return ::readv(e.file, Vector(b, n).pieces.data(), 2); }},
    {"writev",
     [](const Ends& e, char* b, size_t n) { return ::writev(e.file, Vector(b, n).pieces.data(), 2); }},
    {"preadv",
     [](const Ends& e, char* b, size_t n) { return ::preadv(e.file, Vector(b, n).pieces.data(), 2, 0); }},
    {"pwritev",
     [](const Ends& e, char* b, size_t n) { return ::pwritev(e.file, Vector(b, n).pieces.data(), 2, 0); }},
    {"preadv2",
     [](const Ends& e, char* b, size_t n) { return ::preadv2(e.file, Vector(b, n).pieces.data(), 2, 0, 0); }},
    {"pwritev2", [](const Ends& e, char* b,
                    size_t n) { return ::pwritev2(e.file, Vector(b, n).pieces.data(), 2, 0, 0); }},
    {"vmsplice", [](const Ends& e, char* b,
                    size_t n) { return ::vmsplice(e.pipe[1], Vector(b, n).pieces.data(), 2, 0); }},
    {"recv", [](const Ends& e, char* b, size_t n) { return ::recv(e.sockets[0], b, n, 0); }},
    {"__recv_chk", [](const Ends& e, char* b, size_t n) { return ::__recv_chk(e.sockets[0], b, n, n, 0); }},
    {"recvfrom",
     [](const Ends& e, char* b, size_t n) { return ::recvfrom(e.sockets[0], b, n, 0, nullptr, nullptr); }},
    {"__recvfrom_chk", [](const Ends& e, char* b,
                          size_t n) { return ::__recvfrom_chk(e.sockets[0], b, n, n, 0, nullptr, nullptr); }},
    {"recvmsg",
     [](const Ends& e, char* b, size_t n) { return ::recvmsg(e.sockets[0], Vector(b, n).as_message(), 0); }},
    {"recvmmsg",
     [](const Ends& e, char* b, size_t n) {
       return ssize_t{::recvmmsg(e.sockets[0], Vector(b, n).as_messages(), 1, 0, nullptr)};
     }},
    {"send", [](const Ends& e, char* b, size_t n) { return ::send(e.sockets[0], b, n, 0); }},
    {"sendto", [](const Ends& e, char* b, size_t n) { return ::sendto(e.sockets[0], b, n, 0, nullptr, 0); }},
    {"sendmsg",
     [](const Ends& e, char* b, size_t n) { return ::sendmsg(e.sockets[0], Vector(b, n).as_message(), 0); }},
    {"sendmmsg",
     [](const Ends& e, char* b, size_t n) {
       return ssize_t{::sendmmsg(e.sockets[0], Vector(b, n).as_messages(), 1, 0)};
     }},
    {"process_vm_readv",
     [](const Ends&, char* b, size_t n) {
       static char there[64];
       Vector local(b, n);
       const iovec remote{there, sizeof there};
       return ::process_vm_readv(::getpid(), local.pieces.data(), 2, &remote, 1, 0);
     }},
    {"process_vm_writev",
     [](const Ends&, char* b, size_t n) {
       static char there[64];
       Vector local(b, n);
       const iovec remote{there, sizeof there};
       return ::process_vm_writev(::getpid(), local.pieces.data(), 2, &remote, 1, 0);
     }},
    {"process_vm_writev to itself",
     [](const Ends&, char* b, size_t n) {
       static char here[64];
       const iovec local{here, sizeof here};
       const iovec remote{b, n};
       return ::process_vm_writev(::getpid(), &local, 1, &remote, 1, 0);
     }},
};

[[gnu::noinline]] ssize_t transfer(const Call& call, const Ends& ends, char* buffer, size_t size) {
  std::lock_guard table(table_lock);
  return call(ends, buffer, size);
}

void reconnect() {
  done.acquire();
  std::lock_guard transport(transport_lock);
  std::lock_guard table(table_lock);
}

bool make_ends(Ends& ends) {
  ends.file = ::memfd_create("file", MFD_CLOEXEC);
  return ends.file >= 0 && ::ftruncate(ends.file, 4096) == 0 &&
         ::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.sockets.data()) == 0 &&
         ::pipe2(ends.pipe.data(), O_CLOEXEC) == 0 && ::write(ends.sockets[1], "a message", 9) == 9;
}

int main(int count, char** arguments) {
  const auto call = calls.find(count > 1 ? arguments[1] : "");
  Ends ends;
  if (call == calls.end() || count < 3 || !make_ends(ends)) return 2;
  const Pager pager(1, true, fetch_page);
  if (!pager.ok()) {
    std::printf("skipped: userfaultfd for faults of the kernel: %s\n", pager.refused().c_str());
    return 77;
  }
  char ordinary[32] = {};
  char* served = pager.page(0);
  *static_cast<volatile char*>(served) = 'y';
  std::thread holder([&] {
    char* buffer = std::string(arguments[2]) == "served" ? served : ordinary;
    std::printf("moved: %s\n", transfer(call->second, ends, buffer, sizeof ordinary) > 0 ? "yes" : "no");
    done.release();
  });
  std::thread reconnector(reconnect);
  holder.join();
  reconnector.join();
}
