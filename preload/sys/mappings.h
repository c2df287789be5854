// The process's memory mappings, read from /proc/thread-self/maps: no libc, no allocation, but a few system
// calls, so for rare questions only. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline {

struct Mapping {
  std::uintptr_t low;
  std::uintptr_t high;
  bool shared;           // between processes (MAP_SHARED)
  std::uint64_t offset;  // in what is mapped, of `low`
  std::uint64_t device;  // major << 32 | minor; 0, like the inode, where it is no file and not shared
  std::uint64_t inode;
  char path[256];  // as the kernel has it ("/memfd:x (deleted)", "[heap]"); empty where it is longer
};

// Calls `visit` with each mapping, in the order of addresses, until it returns false. Whether it saw all of
// them. `scratch`: room to read into.
bool visit_mappings(char* scratch, std::size_t size, bool (*visit)(const Mapping& mapping, void* context),
                    void* context);

// The mapping that contains `address`; false if none does or it cannot be told.
bool find_mapping(char* scratch, std::size_t size, std::uintptr_t address, Mapping& found);

}  // namespace faultline
