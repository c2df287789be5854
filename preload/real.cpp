#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>

#include <atomic>
#include <type_traits>

#include "raw_syscall.h"
#include "runtime.h"
#include "sys/next_definition.h"
#include "sys/static_guard.h"

// libc declares its functions with attributes (nonnull, nothrow) that a template argument does not carry:
// nothing is lost.
#pragma GCC diagnostic ignored "-Wignored-attributes"

// Only glibc has it; another libc has no versions either.
#pragma weak dlvsym

namespace faultline::real {
namespace {

// dlsym itself is hooked: the next one after us has to be found without it. Both must be called from here,
// the object after which RTLD_NEXT begins.
void* look_up(const char* symbol, const char* version) {
  static constinit decltype(&::dlsym) next_dlsym = nullptr;
  static constinit decltype(&::dlvsym) next_dlvsym = nullptr;
  if (next_dlsym == nullptr) {
    next_dlvsym = reinterpret_cast<decltype(&::dlvsym)>(sys::next_definition("dlvsym").address);
    next_dlsym = reinterpret_cast<decltype(&::dlsym)>(sys::next_definition("dlsym").address);
  }
  if (next_dlsym == nullptr) return nullptr;
  void* found =
      version != nullptr && next_dlvsym != nullptr ? next_dlvsym(RTLD_NEXT, symbol, version) : nullptr;
  if (found == nullptr) found = next_dlsym(RTLD_NEXT, symbol);
  if (found == nullptr) dlerror();  // or the program would take the failure for one of its own
  return found;
}

// A call that only we could answer: without us the program's own binding of it would have failed.
[[noreturn]] void is_nowhere(const char* symbol) {
  say("no library that defines it is loaded, yet the program calls ", symbol);
  for (;;) sys::call(SYS_exit_group, 127);
}

// What a function that this libc lacks returns.
template <class R>
R nothing() {
  if constexpr (std::is_pointer_v<R>) return nullptr;
  if constexpr (std::is_integral_v<R>) return static_cast<R>(ENOSYS);
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
  static R missing(Args...) { return nothing<R>(); }
};
template <class Entry, class R, class... Args>
struct FirstCall<Entry, R (*)(Args...) noexcept> {
  static R call(Args... args) noexcept {
    Entry::resolve();
    return Entry::pointer()(args...);
  }
  static R missing(Args...) noexcept { return nothing<R>(); }
};
// Variadic: ioctl and fcntl take one word more, prctl and syscall up to six. Reading words that were not
// passed is harmless: they are registers and stack.
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
// fcntl.
template <class Entry>
struct FirstCall<Entry, int (*)(int, int, ...)> {
  static int call(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    Entry::resolve();
    return Entry::pointer()(fd, command, argument);
  }
  static int missing(int, int, ...) { return ENOSYS; }
};
// mremap.
template <class Entry>
struct FirstCall<Entry, void* (*)(void*, size_t, size_t, int, ...) noexcept> {
  static void* call(void* at, size_t old_length, size_t length, int flags, ...) noexcept {
    va_list arguments;
    va_start(arguments, flags);
    void* wanted = va_arg(arguments, void*);
    va_end(arguments);
    Entry::resolve();
    return Entry::pointer()(at, old_length, length, flags, wanted);
  }
};
// open and openat.
template <class Entry>
struct FirstCall<Entry, int (*)(const char*, int, ...)> {
  static int call(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = va_arg(arguments, mode_t);
    va_end(arguments);
    Entry::resolve();
    return Entry::pointer()(path, flags, mode);
  }
};
template <class Entry>
struct FirstCall<Entry, int (*)(int, const char*, int, ...)> {
  static int call(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = va_arg(arguments, mode_t);
    va_end(arguments);
    Entry::resolve();
    return Entry::pointer()(directory, path, flags, mode);
  }
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

// Looked for without dlsym, whose lock another thread may hold (in a constructor that dlopen runs) while it
// waits for a lock of the caller's.
#define LATER(name)                                                                    \
  namespace {                                                                          \
  struct Entry_##name {                                                                \
    using Fn = decltype(&::name);                                                      \
    static Fn& pointer();                                                              \
    static bool find() {                                                               \
      void* found = sys::next_definition(#name).address;                               \
      if (found != nullptr) pointer() = reinterpret_cast<Fn>(found);                   \
      return found != nullptr;                                                         \
    }                                                                                  \
    static void resolve() {                                                            \
      if (!find()) is_nowhere(#name);                                                  \
    }                                                                                  \
  };                                                                                   \
  }                                                                                    \
  constinit decltype(&::name) name = FirstCall<Entry_##name, decltype(&::name)>::call; \
  Entry_##name::Fn& Entry_##name::pointer() {                                          \
    return real::name;                                                                 \
  }
#include "functions.def"

void resolve_all() {
#define LATER(name) Entry_##name::find();
#define FUNCTION(name, version) Entry_##name::resolve();
#include "functions.def"
}

void resolve_jumped() {
  static constinit std::atomic<bool> is_done{false};
  if (is_done.load(std::memory_order_acquire)) return;
  const auto resolve = []<class Fn>(Fn& pointer, const char* symbol) {
    pointer = reinterpret_cast<Fn>(sys::next_definition(symbol).address);
  };
  resolve(real::dlopen, "dlopen");
  resolve(real::dlmopen, "dlmopen");
  resolve(real::dlsym, "dlsym");
  resolve(real::dlvsym, "dlvsym");
  is_done.store(true, std::memory_order_release);
}

}  // namespace faultline::real
