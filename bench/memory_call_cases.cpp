// The calls that change the process's mappings (cases.h: how, and the command line): the cheapest one that
// reaches the kernel, where a shim's share shows most, and one that works.
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <span>

#include "cases.h"

namespace {

using cases::Case;
using cases::kNoGoal;
using cases::measure;

constexpr std::size_t kPage = 4096;

void* map_page() {
  void* memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return memory;
}

// Of no bytes: the kernel looks at the arguments and returns.
double protect_nothing() {
  cases::park_a_thread();
  void* const memory = map_page();
  return measure([memory](std::uint64_t) {
    if (mprotect(memory, 0, PROT_READ) != 0) std::abort();
  });
}

double map_and_unmap() {
  cases::park_a_thread();
  return measure([](std::uint64_t) { munmap(map_page(), kPage); });
}

constexpr Case kCases[] = {
    {"mprotect", 1, 1.15, "a system call that does nothing", protect_nothing},
    {"mprotect-locked", 1, 1.15, "the same, with a lock held", cases::under_a_lock<protect_nothing>},
    {"mmap-munmap", 1, kNoGoal, "a page mapped and unmapped", map_and_unmap},
    {"mmap-munmap-locked", 1, kNoGoal, "the same, with a lock held", cases::under_a_lock<map_and_unmap>},
};

}  // namespace

int main(int argc, char** argv) {
  return cases::main_of(kCases, argc, argv);
}
