#include "record/unwinder.h"

#include <dlfcn.h>
#include <errno.h>
#include <unwind.h>

#include "options.h"
#include "record/modules.h"
#include "sys/own_memory.h"

namespace faultline {
namespace {

using UnwBacktrace = int(void**, int);
using UnwindBacktrace = decltype(&_Unwind_Backtrace);
using UnwindGetIp = decltype(&_Unwind_GetIP);

constinit UnwBacktrace* unw_backtrace_function = nullptr;
constinit UnwindBacktrace gcc_backtrace = nullptr;
constinit UnwindGetIp gcc_get_ip = nullptr;

// Walks under way in all threads.
constinit std::atomic<int> walks{0};
constinit std::atomic<bool> stopped{false};
constinit std::atomic<bool> crippled{false};  // libunwind's lock may be held by a thread that is gone

// What the walk at start learned about the callback's data.
// Where unwinders lie: at most libunwind and its twin for other threads' stacks. Written while their loading
// is under way, before they are used.
constinit ModuleRange unwinder_modules[2]{};
constinit std::atomic<std::size_t> unwinder_count{0};
constinit bool probing = false;
constinit int phdr_questions = 0;
constinit int phdr_unknown = 0;

struct GccWalk {
  void** frames;
  int count;
};

_Unwind_Reason_Code gcc_frame(_Unwind_Context* context, void* data) {
  auto* walk = static_cast<GccWalk*>(data);
  if (walk->count == ThreadState::kMaxWalk) return _URC_END_OF_STACK;
  walk->frames[walk->count++] = reinterpret_cast<void*>(gcc_get_ip(context));
  return _URC_NO_REASON;
}

int raw_walk(void** frames, bool with_libunwind) {
  if (with_libunwind) return unw_backtrace_function(frames, ThreadState::kMaxWalk);
  GccWalk walk{frames, 0};
  gcc_backtrace(gcc_frame, &walk);
  return walk.count;
}

// Live threads that libunwind keeps a cache for.
constexpr int kLibunwindThreads = 64;
constinit std::atomic<int> libunwind_threads{0};
constinit bool of_libc = false;

}  // namespace

bool begin_walk() {
  if (crippled.load(std::memory_order_relaxed)) return false;
  walks.fetch_add(1);
  if (stopped.load()) {
    walks.fetch_sub(1);
    return false;
  }
  tls.walking = true;
  return true;
}

void finish_walk() {
  tls.walking = false;
  walks.fetch_sub(1);
}

namespace {

bool load_libunwind() {
  void* library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return false;
  unw_backtrace_function = reinterpret_cast<UnwBacktrace*>(dlsym(library, "unw_backtrace"));
  if (unw_backtrace_function == nullptr) return false;
  claim_unwinder(reinterpret_cast<const void*>(unw_backtrace_function));
  void* frames[ThreadState::kMaxWalk];
  probing = true;
  begin_walk();
  const int count = raw_walk(frames, true);
  finish_walk();
  probing = false;
  if (count >= 2 && phdr_questions > 0 && phdr_unknown == 0) return true;
  unw_backtrace_function = nullptr;
  return false;
}

bool load_libgcc() {
  void* library = dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return false;
  gcc_get_ip = reinterpret_cast<UnwindGetIp>(dlsym(library, "_Unwind_GetIP"));
  gcc_backtrace = reinterpret_cast<UnwindBacktrace>(dlsym(library, "_Unwind_Backtrace"));
  if (gcc_get_ip == nullptr || gcc_backtrace == nullptr) {
    gcc_backtrace = nullptr;
    return false;
  }
  void* frames[ThreadState::kMaxWalk];
  begin_walk();
  raw_walk(frames, false);
  finish_walk();
  return true;
}

bool find_allocator() {
  ModuleRange allocator;
  ModuleRange libc;
  const auto address_of = [](const char* name) {
    return reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, name));
  };
  return find_module(address_of("malloc"), allocator) && find_module(address_of("getpid"), libc) &&
         allocator.start == libc.start;
}

}  // namespace

bool libc_allocates() {
  return of_libc;
}

void initialise_unwinder() {
  if (!options.stacks) return;
  of_libc = find_allocator();
  load_libunwind();
  load_libgcc();
}

const char* unwinder_name() {
  return unw_backtrace_function != nullptr ? "libunwind" : gcc_backtrace != nullptr ? "libgcc" : "none";
}

std::size_t walk_stack(Guard& guard, CallPoint at, std::uintptr_t* frames, std::size_t capacity,
                       bool* walked) {
  frames[0] = at.return_address;
  *walked = false;
  // libunwind remembers how to leave code by its address, and would leave other code in its place likewise.
  const bool with_libunwind =
      guard.thread().owns_libunwind && (code_replacements() == 0 || gcc_backtrace == nullptr);
  if ((!with_libunwind && gcc_backtrace == nullptr) || !begin_walk()) return 1;
  void** const all = guard.thread().walked;
  const int count = raw_walk(all, with_libunwind);
  finish_walk();
  // Our own frames lie on top, as many as the compiler left.
  int first = 0;
  while (first < count && reinterpret_cast<std::uintptr_t>(all[first]) != at.return_address) ++first;
  if (first == count) return 1;
  *walked = true;
  std::size_t n = 0;
  for (int i = first; i < count && n < capacity; ++i)
    if (all[i] != nullptr) frames[n++] = reinterpret_cast<std::uintptr_t>(all[i]);
  return n;
}

bool is_unwinders_own(const volatile void* lock) {
  const auto address = reinterpret_cast<std::uintptr_t>(lock);
  for (std::size_t i = 0; i < unwinder_count.load(std::memory_order_acquire); ++i)
    if (address >= unwinder_modules[i].start && address < unwinder_modules[i].end) return true;
  return false;
}

void claim_unwinder(const void* address_inside) {
  const std::size_t count = unwinder_count.load(std::memory_order_relaxed);
  if (count < sizeof unwinder_modules / sizeof unwinder_modules[0] &&
      find_module(reinterpret_cast<std::uintptr_t>(address_inside), unwinder_modules[count]))
    unwinder_count.store(count + 1, std::memory_order_release);
}

int answer_phdr(int (*callback)(dl_phdr_info*, std::size_t, void*), void* data) {
  const std::uintptr_t address = *static_cast<const std::uintptr_t*>(data);
  phdr_questions += probing;
  ModuleRange module;
  std::size_t count = 0;
  const ElfW(Phdr)* headers = find_module(address, module) ? program_headers(module, count) : nullptr;
  if (headers == nullptr) {
    phdr_unknown += probing;
    return 0;
  }
  dl_phdr_info info{};
  info.dlpi_addr = module.base;
  info.dlpi_name = module.name;
  info.dlpi_phdr = headers;
  info.dlpi_phnum = static_cast<ElfW(Half)>(count);
  return callback(&info, sizeof info, data);
}

ssize_t answer_read() {
  errno = EAGAIN;
  return -1;
}

long answer_write(const void* address) {
  char byte;
  if (sys::probe_own_memory(&byte, address, sizeof byte) == 0) return 1;
  errno = EFAULT;
  return -1;
}

int answer_pipe(int ends[2]) {
  ends[0] = ends[1] = -1;
  errno = EMFILE;
  return -1;
}

void begin_walking(ThreadState& thread) {
  thread.may_own_libunwind = false;
  if (unw_backtrace_function == nullptr) return;
  if (gcc_backtrace != nullptr &&
      libunwind_threads.fetch_add(1, std::memory_order_relaxed) >= kLibunwindThreads) {
    libunwind_threads.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  thread.owns_libunwind = true;
  if (!begin_walk()) return;
  raw_walk(thread.walked, true);
  finish_walk();
}

void end_walking(ThreadState& thread) {
  if (thread.owns_libunwind && gcc_backtrace != nullptr)
    libunwind_threads.fetch_sub(1, std::memory_order_relaxed);
  thread.owns_libunwind = false;
}

void stop_walking() {
  constexpr int kPatienceYields = 5000;
  stopped.store(true);
  for (int i = 0; i < kPatienceYields && walks.load() != 0; ++i) sys::call(SYS_sched_yield);
}

void resume_walking(bool in_child) {
  if (in_child && walks.exchange(0) != 0) crippled.store(true);
  stopped.store(false);
}

}  // namespace faultline
