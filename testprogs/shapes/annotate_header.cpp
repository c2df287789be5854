// As annotate_header.c, in C++; and what C++ alone has.
#include "annotate_header.c"

#if __cplusplus >= 201103L
#include <mutex>

void annotate_std(std::mutex& mutex);

void annotate_std(std::mutex& mutex) {
  faultline::name_lock(mutex, "mutex");
}
#endif

#if __cplusplus >= 201703L
#include <shared_mutex>

void annotate_std_shared(std::shared_mutex& mutex);

void annotate_std_shared(std::shared_mutex& mutex) {
  faultline::name_lock(mutex, "mutex");
}
#endif
