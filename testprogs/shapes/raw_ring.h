// An io_uring for one read at a time, with system calls made inline as liburing makes them: nothing of it
// goes through a function of libc.
#pragma once

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

class RawRing {
 public:
  RawRing() {
    io_uring_params params{};
    fd_ = static_cast<int>(call(SYS_io_uring_setup, 4, reinterpret_cast<long>(&params)));
    if (fd_ < 0) return;
    const size_t size = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
    rings_ = static_cast<char*>(map(size, IORING_OFF_SQ_RING));
    entries_ = static_cast<io_uring_sqe*>(map(params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    submission_ = params.sq_off;
    completion_ = params.cq_off;
  }
  ~RawRing() {
    if (fd_ >= 0) ::close(fd_);
  }
  RawRing(const RawRing&) = delete;
  RawRing& operator=(const RawRing&) = delete;

  // What refused it, 0 if it works.
  int error() const { return fd_ < 0 ? -fd_ : 0; }

  // As read(2); a negative error number where it fails.
  int read(int file, void* buffer, unsigned size) {
    std::memset(entries_, 0, sizeof *entries_);
    entries_->opcode = IORING_OP_READ;
    entries_->fd = file;
    entries_->addr = reinterpret_cast<uintptr_t>(buffer);
    entries_->len = size;
    unsigned& tail = word(submission_.tail);
    reinterpret_cast<unsigned*>(rings_ + submission_.array)[tail & word(submission_.ring_mask)] = 0;
    __atomic_store_n(&tail, tail + 1, __ATOMIC_RELEASE);
    unsigned submits = 1;
    unsigned& head = word(completion_.head);
    while (head == __atomic_load_n(&word(completion_.tail), __ATOMIC_ACQUIRE)) {
      const long done = call(SYS_io_uring_enter, fd_, submits, 1, IORING_ENTER_GETEVENTS);
      if (done < 0 && done != -EINTR) return static_cast<int>(done);
      if (done >= 0) submits = 0;
    }
    const auto* completions = reinterpret_cast<const io_uring_cqe*>(rings_ + completion_.cqes);
    const int result = completions[head & word(completion_.ring_mask)].res;
    __atomic_store_n(&head, head + 1, __ATOMIC_RELEASE);
    return result;
  }

 private:
  static long call(long number, long a, long b, long c = 0, long d = 0) {
    long result;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = 0;
    register long r9 asm("r9") = 0;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
  }
  void* map(size_t size, off_t at) const {
    return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, at);
  }
  unsigned& word(unsigned offset) const { return *reinterpret_cast<unsigned*>(rings_ + offset); }

  int fd_;
  char* rings_ = nullptr;
  io_uring_sqe* entries_ = nullptr;
  io_sqring_offsets submission_{};
  io_cqring_offsets completion_{};
};
