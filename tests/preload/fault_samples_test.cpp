// The reader of perf records, on rings made by hand as the kernel writes them.
#include "fault/fault_samples.h"

#include <doctest/doctest.h>
#include <linux/perf_event.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

using namespace faultline;

namespace {

using Words = std::vector<std::uint64_t>;

Words record(std::uint32_t type, std::uint16_t misc, Words body) {
  perf_event_header header{type, misc, static_cast<std::uint16_t>(8 * (body.size() + 1))};
  std::uint64_t first;
  std::memcpy(&first, &header, sizeof first);
  body.insert(body.begin(), first);
  return body;
}

// `true_size`: how much of the stack piece the kernel could read.
Words sample(std::uint64_t number, const Words& stack, std::uint64_t true_size,
             std::uint16_t misc = PERF_RECORD_MISC_USER) {
  Words body{number, number + 1, PERF_SAMPLE_REGS_ABI_64};
  for (std::uint64_t i = 0; i < 4; ++i) body.push_back(number + 10 + i);
  body.push_back(8 * stack.size());
  body.insert(body.end(), stack.begin(), stack.end());
  if (!stack.empty()) body.push_back(true_size);
  return record(PERF_RECORD_SAMPLE, misc, body);
}

Words plain_sample(std::uint64_t number, std::uint16_t misc = PERF_RECORD_MISC_USER) {
  return record(PERF_RECORD_SAMPLE, misc, {number, number + 1});
}

struct Ring {
  static constexpr std::size_t kWords = 64;
  std::array<std::uint64_t, kWords> data{};
  std::uint64_t tail;
  std::uint64_t head;

  explicit Ring(std::uint64_t start = 0) : tail(start), head(start) {}

  void write(const Words& words) {
    for (const std::uint64_t word : words) {
      data[head / 8 % kWords] = word;
      head += 8;
    }
  }
  FaultSamples samples(bool with_stacks) const {
    return {reinterpret_cast<const char*>(data.data()), sizeof data, tail, head, with_stacks};
  }
};

Words stack_of(const FaultSamples& samples, const FaultSample& sample) {
  Words copy(sample.stack_size / 8);
  samples.copy_stack(sample, copy.data());
  return copy;
}

}  // namespace

TEST_CASE("perf records: samples in order, with registers and the stack piece") {
  Ring ring;
  ring.write(sample(100, {1, 2, 3}, 24));
  ring.write(sample(200, {4, 5, 6}, 24, PERF_RECORD_MISC_KERNEL));
  FaultSamples samples = ring.samples(true);
  FaultSample found;
  REQUIRE(samples.next(found));
  CHECK(found.instruction == 100);
  CHECK(found.address == 101);
  CHECK_FALSE(found.in_kernel);
  CHECK(found.registers.bx == 110);
  CHECK(found.registers.bp == 111);
  CHECK(found.registers.sp == 112);
  CHECK(found.registers.ip == 113);
  CHECK(stack_of(samples, found) == Words{1, 2, 3});
  REQUIRE(samples.next(found));
  CHECK(found.instruction == 200);
  CHECK(found.in_kernel);
  CHECK(stack_of(samples, found) == Words{4, 5, 6});
  CHECK_FALSE(samples.next(found));
  CHECK(samples.lost() == 0);
}

TEST_CASE("perf records: one that wraps around the end of the ring reads as any other, wherever it wraps") {
  const Words whole = sample(100, {1, 2, 3, 4}, 32);
  for (std::size_t before = 0; before <= whole.size(); ++before) {
    CAPTURE(before);
    Ring ring(7 * sizeof(ring.data) - 8 * before);
    ring.write(whole);
    FaultSamples samples = ring.samples(true);
    FaultSample found;
    REQUIRE(samples.next(found));
    CHECK(found.address == 101);
    CHECK(found.registers.ip == 113);
    CHECK(stack_of(samples, found) == Words{1, 2, 3, 4});
    CHECK_FALSE(samples.next(found));
  }
}

TEST_CASE("perf records: changes of the mappings are counted, and are no samples") {
  Ring ring;
  ring.write(record(PERF_RECORD_MMAP, PERF_RECORD_MISC_MMAP_DATA, {1, 0x7000, 0x1000, 0, 0}));
  ring.write(plain_sample(100));
  ring.write(record(PERF_RECORD_FORK, 0, {1, 2, 3}));
  ring.write(record(PERF_RECORD_MMAP, 0, {1, 0x8000, 0x1000, 0, 0}));
  FaultSamples samples = ring.samples(false);
  FaultSample found;
  REQUIRE(samples.next(found));
  CHECK(found.instruction == 100);
  CHECK(samples.mappings() == 1);
  CHECK_FALSE(samples.next(found));
  CHECK(samples.mappings() == 2);
  CHECK(samples.lost() == 0);
}

TEST_CASE("perf records: what was lost is counted, other kinds of records are passed over") {
  Ring ring;
  ring.write(record(PERF_RECORD_LOST, 0, {77, 5}));
  ring.write(plain_sample(100));
  ring.write(record(PERF_RECORD_THROTTLE, 0, {1, 2, 3}));
  ring.write(record(PERF_RECORD_LOST, 0, {77, 2}));
  ring.write(plain_sample(200));
  FaultSamples samples = ring.samples(false);
  FaultSample found;
  REQUIRE(samples.next(found));
  CHECK(found.instruction == 100);
  CHECK(samples.lost() == 5);
  REQUIRE(samples.next(found));
  CHECK(found.instruction == 200);
  CHECK(samples.lost() == 7);
  CHECK_FALSE(samples.next(found));
}

TEST_CASE("perf records: without stacks the instruction stands for the registers, but not the kernel's") {
  Ring ring;
  ring.write(plain_sample(100));
  ring.write(plain_sample(200, PERF_RECORD_MISC_KERNEL));
  FaultSamples samples = ring.samples(false);
  FaultSample found;
  REQUIRE(samples.next(found));
  CHECK(found.registers.ip == 100);
  CHECK(found.stack_size == 0);
  REQUIRE(samples.next(found));
  CHECK(found.in_kernel);
  CHECK(found.registers.ip == 0);
}

TEST_CASE("perf records: of a stack piece only what the kernel could read counts") {
  Ring ring;
  ring.write(sample(100, {1, 2, 3}, 8));
  ring.write(sample(200, {1, 2, 3}, 4000));  // more than there is
  ring.write(sample(300, {}, 0));
  FaultSamples samples = ring.samples(true);
  FaultSample found;
  REQUIRE(samples.next(found));
  CHECK(stack_of(samples, found) == Words{1});
  REQUIRE(samples.next(found));
  CHECK(found.address == 201);
  CHECK(found.stack_size == 0);
  REQUIRE(samples.next(found));
  CHECK(found.address == 301);
  CHECK(found.stack_size == 0);
}

TEST_CASE("perf records: reading ends at what cannot be a record") {
  const auto read_after_one = [](std::uint64_t garbage) {
    Ring ring;
    ring.write(plain_sample(100));
    ring.write({garbage, 1, 2});
    FaultSamples samples = ring.samples(false);
    FaultSample found;
    REQUIRE(samples.next(found));
    const bool more = samples.next(found);
    CHECK_FALSE(samples.next(found));
    return more;
  };
  const auto header = [](std::uint16_t size) {
    perf_event_header fields{PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER, size};
    std::uint64_t word;
    std::memcpy(&word, &fields, sizeof word);
    return word;
  };
  CHECK_FALSE(read_after_one(header(0)));
  CHECK_FALSE(read_after_one(header(20)));  // no multiple of eight
  CHECK_FALSE(read_after_one(header(32)));  // ends behind the newest record
  CHECK_FALSE(read_after_one(header(0xfff8)));
  CHECK_FALSE(read_after_one(header(8)));  // too short for a sample
  CHECK(read_after_one(header(24)));
}
