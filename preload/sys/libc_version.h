// Which glibc this is. What the shim knows of its objects' insides holds for a range of versions.
#pragma once

#include <gnu/libc-version.h>

// Another libc has none, and must still be able to load the shim.
#pragma weak gnu_get_libc_version

namespace faultline::sys {

// 36 for glibc 2.36; 0 for another libc, or a glibc of another major version. Any thread, any time.
inline int glibc_minor() {
  if (&gnu_get_libc_version == nullptr) return 0;
  const char* version = gnu_get_libc_version();
  if (version[0] != '2' || version[1] != '.') return 0;
  int minor = 0;
  for (const char* digit = version + 2; *digit >= '0' && *digit <= '9'; ++digit)
    minor = minor * 10 + (*digit - '0');
  return minor;
}

}  // namespace faultline::sys
