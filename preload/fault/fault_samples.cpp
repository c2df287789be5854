#include "fault/fault_samples.h"

#include <linux/perf_event.h>

#include <cstring>

namespace faultline {

// Records begin at multiples of eight, so no word of one is torn by the ring's end.
std::uint64_t FaultSamples::word(std::uint64_t at) const {
  std::uint64_t result;
  std::memcpy(&result, data_ + (at & mask_), sizeof result);
  return result;
}

bool FaultSamples::read_sample(std::uint64_t at, std::uint64_t end, bool in_kernel,
                               FaultSample& sample) const {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  sample = {};
  if (end - at < 2 * kWord) return false;
  sample.instruction = word(at);
  sample.address = word(at + kWord);
  sample.in_kernel = in_kernel;
  if (!with_stacks_) {
    if (!in_kernel) sample.registers.ip = sample.instruction;
    return true;
  }
  at += 2 * kWord;
  // The ABI, the registers, the size of the stack piece; then the piece, and how much of it is true.
  constexpr std::size_t kRegisters = sizeof(UserRegisters) / kWord;
  if (end - at < (kRegisters + 2) * kWord || word(at) == PERF_SAMPLE_REGS_ABI_NONE) return false;
  auto* registers = reinterpret_cast<char*>(&sample.registers);
  for (std::size_t i = 0; i < kRegisters; ++i) {
    const std::uint64_t value = word(at + (1 + i) * kWord);
    std::memcpy(registers + i * kWord, &value, kWord);
  }
  at += (1 + kRegisters) * kWord;
  const std::uint64_t size = word(at);
  at += kWord;
  if (size == 0) return true;
  if (end - at < kWord || size > end - at - kWord) return false;
  const std::uint64_t true_size = word(at + size);
  sample.stack = at;
  sample.stack_size = true_size <= size && size <= kStackPiece ? true_size : 0;
  return true;
}

bool FaultSamples::next(FaultSample& sample) {
  while (head_ - at_ >= sizeof(perf_event_header)) {
    const std::uint64_t first = word(at_);
    perf_event_header header;
    std::memcpy(&header, &first, sizeof header);
    if (header.size < sizeof header || header.size % sizeof first != 0 || header.size > head_ - at_) break;
    const std::uint64_t body = at_ + sizeof header;
    at_ += header.size;
    // Its id, then how many.
    if (header.type == PERF_RECORD_LOST && header.size >= sizeof header + 2 * sizeof first)
      lost_ += word(body + sizeof first);
    mappings_ += header.type == PERF_RECORD_MMAP;
    const bool in_kernel = (header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
    if (header.type == PERF_RECORD_SAMPLE && read_sample(body, at_, in_kernel, sample)) return true;
  }
  at_ = head_;
  return false;
}

void FaultSamples::copy_stack(const FaultSample& sample, void* to) const {
  const std::uint64_t start = sample.stack & mask_;
  const std::uint64_t until_end = mask_ + 1 - start;
  const std::size_t first = sample.stack_size < until_end ? sample.stack_size : until_end;
  std::memcpy(to, data_ + start, first);
  std::memcpy(static_cast<char*>(to) + first, data_, sample.stack_size - first);
}

}  // namespace faultline
