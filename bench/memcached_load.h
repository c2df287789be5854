// A load on a memcached server: pipelined reads and writes over its Unix socket.
#pragma once

#include <sys/types.h>

#include <string>

namespace faultline::bench {

// Connects to the server `pid`, which may still be starting, at the socket `path`, and sends it `batches`
// batches of 56 reads and 8 writes on each of four connections at once; returns when all are answered. The
// requests are the same every time. False where the server ended, or does not listen within 20 seconds, or
// closes a connection.
bool load_memcached(pid_t pid, const std::string& path, int batches);

}  // namespace faultline::bench
