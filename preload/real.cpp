#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>

#include "sys/static_guard.h"

// libc declares its functions with attributes (nonnull, nothrow) that a template argument does not carry:
// nothing is lost.
#pragma GCC diagnostic ignored "-Wignored-attributes"

namespace faultline::real {
namespace {

void* look_up(const char* symbol, const char* version) {
  void* found = version != nullptr ? dlvsym(RTLD_NEXT, symbol, version) : nullptr;
  if (found == nullptr) found = dlsym(RTLD_NEXT, symbol);
  if (found == nullptr) dlerror();  // or the program would take the failure for one of its own
  return found;
}

// What a pointer of type Fn holds before it is resolved, and where libc has no such function. Entry names the
// pointer (one struct per function, below).
template <class Entry, class Fn>
struct FirstCall;

template <class Entry, class R, class... Args>
struct FirstCall<Entry, R (*)(Args...)> {
  static R call(Args... args) {
    Entry::resolve();
    return Entry::pointer()(args...);
  }
  static R missing(Args...) { return static_cast<R>(ENOSYS); }
};
template <class Entry, class R, class... Args>
struct FirstCall<Entry, R (*)(Args...) noexcept> {
  static R call(Args... args) noexcept {
    Entry::resolve();
    return Entry::pointer()(args...);
  }
  static R missing(Args...) noexcept { return static_cast<R>(ENOSYS); }
};
// Variadic: ioctl takes one word more, prctl and syscall up to six. Reading words that were not passed is
// harmless: they are registers and stack.
template <class Entry>
struct FirstCall<Entry, int (*)(int, unsigned long, ...) noexcept> {
  static int call(int fd, unsigned long request, ...) noexcept {
    va_list arguments;
    va_start(arguments, request);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    Entry::resolve();
    return Entry::pointer()(fd, request, argument);
  }
  static int missing(int, unsigned long, ...) noexcept { return ENOSYS; }
};
template <class Entry, class R>
struct FirstCall<Entry, R (*)(R, ...) noexcept> {
  static R call(R number, ...) noexcept {
    va_list arguments;
    va_start(arguments, number);
    long words[6];
    for (long& word : words) word = va_arg(arguments, long);
    va_end(arguments);
    Entry::resolve();
    return Entry::pointer()(number, words[0], words[1], words[2], words[3], words[4], words[5]);
  }
  static R missing(R, ...) noexcept { return ENOSYS; }
};

}  // namespace

#define ENTRY(name, version, otherwise)                                                \
  namespace {                                                                          \
  struct Entry_##name {                                                                \
    using Fn = decltype(&::name);                                                      \
    static Fn& pointer();                                                              \
    static void resolve() {                                                            \
      void* found = look_up(#name, version);                                           \
      pointer() = found != nullptr ? reinterpret_cast<Fn>(found) : otherwise;          \
    }                                                                                  \
  };                                                                                   \
  }                                                                                    \
  constinit decltype(&::name) name = FirstCall<Entry_##name, decltype(&::name)>::call; \
  Entry_##name::Fn& Entry_##name::pointer() {                                          \
    return real::name;                                                                 \
  }
#define FUNCTION(name, version) ENTRY(name, version, (FirstCall<Entry_##name, Fn>::missing))
#define FUNCTION_OR(name, substitute) ENTRY(name, nullptr, substitute)
#include "functions.def"

void resolve_all() {
#define FUNCTION(name, version) Entry_##name::resolve();
#include "functions.def"
}

}  // namespace faultline::real
