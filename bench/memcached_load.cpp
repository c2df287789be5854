#include "memcached_load.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <thread>

namespace faultline::bench {
namespace {

constexpr int kConnections = 4;  // two for each of memcached's two workers
constexpr int kReads = 56;
constexpr int kWrites = 8;
constexpr std::uint32_t kKeys = 10'000;
constexpr auto kPatience = std::chrono::seconds(20);

// One connection: sends batches, and counts the answers to its reads.
class Connection {
 public:
  Connection() : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connect_to(const std::string& path) const {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  bool send_batch() {
    std::string batch;
    const std::string value(100, 'x');
    for (int i = 0; i < kWrites; ++i) batch += "set " + next_key() + " 0 0 100 noreply\r\n" + value + "\r\n";
    for (int i = 0; i < kReads; ++i) batch += "get " + next_key() + "\r\n";
    return send(socket_, batch.data(), batch.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(batch.size());
  }

  // Every read is answered by its value, if there is one, and END; neither keys nor values contain that.
  bool read_answers() {
    constexpr std::string_view kEnd = "END\r\n";
    std::string tail;
    for (int answered = 0; answered < kReads;) {
      char buffer[1 << 16];
      const ssize_t n = recv(socket_, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      const std::string text = tail + std::string(buffer, static_cast<std::size_t>(n));
      std::size_t from = 0;
      for (std::size_t at; (at = text.find(kEnd, from)) != std::string::npos; from = at + kEnd.size())
        ++answered;
      tail = text.substr(std::max(from, text.size() - std::min(text.size(), kEnd.size() - 1)));
    }
    return true;
  }

 private:
  std::string next_key() {
    random_ = random_ * 1664525 + 1013904223;
    return "key" + std::to_string((random_ >> 8) % kKeys);
  }

  int socket_;
  std::uint32_t random_ = 1;
};

bool has_ended(pid_t pid) {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

// A server says to nobody when it listens, so it is asked again and again.
bool connect_when_ready(const Connection& connection, pid_t pid, const std::string& path) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!connection.connect_to(path)) {
    if (has_ended(pid) || std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace

bool load_memcached(pid_t pid, const std::string& path, int batches) {
  std::array<Connection, kConnections> connections;
  for (const Connection& connection : connections) {
    if (!connect_when_ready(connection, pid, path)) return false;
  }
  for (int batch = 0; batch < batches; ++batch) {
    for (Connection& connection : connections) {
      if (!connection.send_batch()) return false;
    }
    for (Connection& connection : connections) {
      if (!connection.read_answers()) return false;
    }
  }
  return true;
}

}  // namespace faultline::bench
