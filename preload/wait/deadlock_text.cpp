// A deadlock in a few lines on stderr: who waits for what, and holds what. Addresses are a module's offsets;
// the analyzer has the functions.
#include <errno.h>

#include <cstring>

#include "raw_syscall.h"
#include "record/lock_identity.h"
#include "record/modules.h"
#include "record/stacks.h"
#include "record/thread_registry.h"
#include "wait/deadlock_report.h"

namespace faultline {
namespace {

// One line of text in memory of the caller's; what does not fit is cut.
class Line {
 public:
  explicit Line(ThreadState& scratch) : text_(scratch.line) { put("faultline: "); }

  Line& put(std::string_view text) {
    const std::size_t room = kCapacity - length_;
    const std::size_t size = text.size() < room ? text.size() : room;
    std::memcpy(text_ + length_, text.data(), size);
    length_ += size;
    return *this;
  }
  Line& number(std::uint64_t value, unsigned base = 10) {
    char digits[20];
    std::size_t at = sizeof digits;
    do {
      digits[--at] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    return put({digits + at, sizeof digits - at});
  }
  // "program+0x1f2a", or the address.
  Line& address(std::uintptr_t address) {
    ModuleRange module;
    if (!find_module(address, module)) return put("0x").number(address, 16);
    const char* name = std::strrchr(module.name, '/');
    put(name != nullptr ? name + 1 : *module.name != '\0' ? module.name : program_invocation_short_name);
    return put("+0x").number(address - module.base, 16);
  }
  Line& lock(LockKind kind, LockWord word, const volatile void* object) {
    put(spelling(kind)).put(" ");
    const char* name = facts_of(class_in(word)).name;
    return name != nullptr ? put(name) : address(reinterpret_cast<std::uintptr_t>(object));
  }
  Line& at(StackId stack) {
    const std::uintptr_t pc = innermost_of(stack);
    return pc != 0 ? put(", at ").address(pc) : *this;
  }
  void print() {
    text_[length_++] = '\n';
    sys::call(SYS_write, 2, sys::as_long(text_), static_cast<long>(length_));
  }

 private:
  static constexpr std::size_t kCapacity = 500;
  char* text_;
  std::size_t length_ = 0;
};

const char* headline(const Deadlock& found) {
  switch (found.kind) {
    case DeadlockKind::Cycle:
      return "deadlock: threads wait for each other";
    case DeadlockKind::Self:
      return "deadlock: a thread waits for what it holds itself";
    case DeadlockKind::HolderExited:
      return "deadlock: a thread waits for a lock whose holder has ended without releasing it";
    case DeadlockKind::Stall:
      return "deadlock: every thread waits, and nothing is left that could wake one";
  }
  return "";
}

void print_wait(Line& line, const Waiter& waiter) {
  const Awaited& wait = waiter.wait;
  const ThreadState& thread = *waiter.thread;
  const bool is_pushed = thread.top != thread.base && thread.top[-1].address == wait.object;
  if (wait.is_condition()) {
    line.put("on condition ").address(reinterpret_cast<std::uintptr_t>(wait.object)).at(wait.stack);
  } else if (wait.kind == LockKind::Thread) {
    const ThreadState* joined = live_thread(wait.object);
    line.put("for the end of thread ")
        .number(joined != nullptr ? static_cast<std::uint64_t>(joined->tid) : 0);
    line.at(wait.stack);
  } else if (wait.kind == LockKind::Service) {
    line.put(waiter.cause == Cause::Fault ? "in a page fault, for its server"
                                          : "for a server to read that its memory changes");
    if (waiter.cause != Cause::Fault) line.at(wait.stack);
  } else if (is_pushed) {
    line.put("for ").lock(wait.kind, thread.top[-1].word, wait.object).at(thread.top[-1].place.stack);
  } else {
    line.put("for ").lock(wait.kind, LockWord{}, wait.object).at(wait.stack);
  }
}

void print_thread(ThreadState& writer, const Waiter& waiter) {
  const ThreadState& thread = *waiter.thread;
  Line line(writer);
  line.put("  thread ").number(static_cast<std::uint64_t>(thread.tid)).put(" \"");
  line.put(thread.name).put("\" waits ");
  print_wait(line, waiter);
  line.print();
  constexpr int kMostHeld = 8;
  int shown = 0;
  for (const HeldLock* held = thread.top; held != thread.base && shown < kMostHeld; --held) {
    const HeldLock& entry = held[-1];
    if (held == thread.top && entry.address == waiter.wait.object && !waiter.wait.is_condition()) continue;
    ++shown;
    Line(writer)
        .put("    and holds ")
        .lock(entry.kind, entry.word, entry.address)
        .at(entry.place.stack)
        .print();
  }
}

}  // namespace

void print_deadlock(ThreadState& writer, const Deadlock& found) {
  Line(writer).put(headline(found)).print();
  for (std::size_t i = 0; i < found.count; ++i) print_thread(writer, found.threads[i]);
  if (found.others != 0) Line(writer).put("  and ").number(found.others).put(" more threads").print();
  if (found.gone != 0)
    Line(writer).put("  thread ").number(static_cast<std::uint64_t>(found.gone)).put(" has ended").print();
}

}  // namespace faultline
