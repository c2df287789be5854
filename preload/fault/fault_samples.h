// The records of a perf ring, as the kernel writes them for IP | ADDR and, with stacks, REGS_USER |
// STACK_USER.
//
// Reads the ring where it lies; nothing is copied but what is asked for. A record that cannot be one ends the
// reading: what follows is unknown.
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline {

// User registers that frames are found by, in the order of the sample (PERF_REG_X86_*). Each costs a fault
// some 30 ns; compilers find no frame by another.
struct UserRegisters {
  std::uint64_t bx, bp, sp, ip;
};
constexpr std::size_t kStackPiece = 2048;  // most that a sample has of the stack, from the stack pointer up

struct FaultSample {
  std::uint64_t instruction;  // where the fault was taken: kernel code for a copy by a system call
  std::uint64_t address;
  bool in_kernel;
  // Of the user code, also for a fault in the kernel. Without stacks: `ip` only, and 0 for such a fault.
  UserRegisters registers;
  std::uint64_t stack;     // position in the ring of the stack piece
  std::size_t stack_size;  // how much of it the kernel could read; 0 without stacks
};

class FaultSamples {
 public:
  // The records in [tail, head). `size`: of the data, a power of two.
  FaultSamples(const char* data, std::size_t size, std::uint64_t tail, std::uint64_t head, bool with_stacks)
      : data_(data), mask_(size - 1), at_(tail), head_(head), with_stacks_(with_stacks) {}

  // The next sample; false at the end. Other kinds of records are passed over, changes of the mappings
  // counted.
  bool next(FaultSample& sample);

  // How many samples the kernel could not write before those read so far.
  std::uint64_t lost() const { return lost_; }
  // How many changes of the mappings by the thread were passed over.
  std::uint64_t mappings() const { return mappings_; }

  // The piece of the stack, `sample.stack_size` bytes.
  void copy_stack(const FaultSample& sample, void* to) const;

 private:
  std::uint64_t word(std::uint64_t at) const;
  bool read_sample(std::uint64_t at, std::uint64_t end, bool in_kernel, FaultSample& sample) const;

  const char* data_;
  std::uint64_t mask_;
  std::uint64_t at_;
  std::uint64_t head_;
  std::uint64_t lost_ = 0;
  std::uint64_t mappings_ = 0;
  bool with_stacks_;
};

}  // namespace faultline
