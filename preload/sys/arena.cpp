#include "sys/arena.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdint>

#include "raw_syscall.h"

namespace faultline {
namespace {

struct Chunk {
  std::atomic<std::size_t> used;
  std::size_t size;
};

constexpr std::size_t kFirstChunk = 64 << 10;
constexpr std::size_t kChunk = 1 << 20;

constinit std::atomic<Chunk*> current{nullptr};

Chunk* new_chunk(std::size_t size) {
  auto* chunk = static_cast<Chunk*>(map_pages(size));
  if (chunk == nullptr) return nullptr;
  chunk->size = size;
  chunk->used.store(sizeof(Chunk), std::memory_order_relaxed);
  return chunk;
}

}  // namespace

void* map_pages(std::size_t bytes) {
  const long at = sys::call(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at < 0 && at > -4096 ? nullptr : reinterpret_cast<void*>(at);
}

void unmap_pages(void* at, std::size_t bytes) {
  sys::call(SYS_munmap, sys::as_long(at), static_cast<long>(bytes));
}

void* arena_allocate(std::size_t bytes, std::size_t alignment) {
  bytes = (bytes + alignment - 1) & ~(alignment - 1);
  if (bytes > kChunk - 4096) return nullptr;
  for (;;) {
    Chunk* chunk = current.load(std::memory_order_acquire);
    if (chunk != nullptr) {
      std::size_t at = chunk->used.load(std::memory_order_relaxed);
      while (true) {
        const std::size_t start = (at + alignment - 1) & ~(alignment - 1);
        if (start + bytes > chunk->size) break;
        if (chunk->used.compare_exchange_weak(at, start + bytes, std::memory_order_relaxed))
          return reinterpret_cast<char*>(chunk) + start;
      }
    }
    Chunk* fresh = new_chunk(chunk == nullptr && bytes < kFirstChunk / 2 ? kFirstChunk : kChunk);
    if (fresh == nullptr) return nullptr;
    if (!current.compare_exchange_strong(chunk, fresh, std::memory_order_acq_rel))
      unmap_pages(fresh, fresh->size);
  }
}

}  // namespace faultline
