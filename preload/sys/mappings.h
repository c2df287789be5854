// The process's memory mappings, read from /proc/thread-self/maps: no libc, no allocation, but a few system
// calls, so for rare questions only. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline {

struct Mapping {
  std::uintptr_t low;
  std::uintptr_t high;
  bool shared;  // between processes (MAP_SHARED)
  // What is mapped: the object behind memory without a file too, where it is shared. Inode 0: none.
  std::uint64_t offset;  // in it, of `low`
  std::uint64_t device;
  std::uint64_t inode;
};

// The mapping that contains `address`; false if none does or it cannot be told. `scratch`: room to read into.
bool find_mapping(char* scratch, std::size_t size, std::uintptr_t address, Mapping& found);

}  // namespace faultline
