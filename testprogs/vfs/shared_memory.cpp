#include "shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "panic.h"

namespace tvfs {

SharedMemory::SharedMemory(const char* name, std::size_t capacity)
    : capacity_(capacity), fd_(::memfd_create(name, MFD_CLOEXEC)) {
  if (fd_ < 0) panic("memfd_create", errno);
  void* const mapped = ::mmap(nullptr, capacity_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (mapped == MAP_FAILED) panic("mmap of kernel memory", errno);
  alias_ = static_cast<std::byte*>(mapped);
}

SharedMemory::~SharedMemory() {
  ::munmap(alias_, capacity_);
  ::close(fd_);
}

void SharedMemory::resize(std::size_t bytes) {
  const std::size_t rounded = (bytes + kPageSize - 1) / kPageSize * kPageSize;
  if (::ftruncate(fd_, static_cast<off_t>(rounded)) != 0) panic("ftruncate of kernel memory", errno);
}

void SharedMemory::drop_page(std::size_t offset) {
  const int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (::fallocate(fd_, how, static_cast<off_t>(offset), static_cast<off_t>(kPageSize)) != 0)
    panic("dropping a page of kernel memory", errno);
}

}  // namespace tvfs
