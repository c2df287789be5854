// Memory for the shim's own records: handed out in pieces, never given back, never from the program's heap.
//
// Any thread, at any time; lock-free. Memory is zeroed. A piece is at most 1 MiB. Returns nullptr where the
// kernel has no more: the caller counts what it could not record and goes on.
#pragma once

#include <cstddef>

namespace faultline {

void* arena_allocate(std::size_t bytes, std::size_t alignment = 16);

// Fresh pages straight from the kernel, for large tables: zeroed, paid for when touched. nullptr on failure.
void* map_pages(std::size_t bytes);
void unmap_pages(void* at, std::size_t bytes);

}  // namespace faultline
