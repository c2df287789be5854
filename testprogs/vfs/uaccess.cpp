#include "uaccess.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tvfs {

int BouncePage::copy_from_user(const void* user, std::size_t n, CopyBy by) {
  if (by == CopyBy::OwnLoad) {
    std::memcpy(memory_.alias(), user, n);
    return 0;
  }
  std::size_t done = 0;
  while (done < n) {
    const ssize_t copied = ::pwrite(memory_.fd(), static_cast<const std::byte*>(user) + done, n - done,
                                    static_cast<off_t>(done));
    if (copied < 0 && errno == EINTR) continue;
    if (copied <= 0) return -EFAULT;
    done += static_cast<std::size_t>(copied);
  }
  return 0;
}

}  // namespace tvfs
