// A forked child: its own trace, that stands by itself, and nothing more in its parent's.
#include <doctest/doctest.h>
#include <unistd.h>

#include "record/acquisition.h"
#include "record/stacks.h"
#include "recording.h"
#include "runtime.h"
#include "trace_reader.h"

using namespace faultline;

namespace {

// Only that the reader accepts every record counts here.
struct Deaf : TraceVisitor {
  void on_header(HeaderRecord) override {}
  void on_stats(StatsRecord) override {}
  void on_source(SourceRecord) override {}
  void on_module(ModuleRecord) override {}
  void on_stack(StackRecord) override {}
  void on_thread(ThreadRecord) override {}
  void on_thread_name(ThreadId, std::string) override {}
  void on_join(const JoinRecord&) override {}
  void on_lock(const LockRecord&) override {}
  void on_lock_name(LockId, std::string) override {}
  void on_class_name(LockId, std::string) override {}
  void on_mmap_lock(LockId) override {}
  void on_held(const HeldRecord&) override {}
  void on_dependency(const DependencyRecord& dependency) override {
    dependencies += dependency.to.value != 0;
  }
  void on_orphan(OrphanRecord) override {}
  void on_deadlock(DeadlockRecord) override {}
  void on_state(StateRecord) override {}
  void on_access(AccessRecord) override {}
  void on_assertion(AssertionRecord) override {}
  void on_range(RangeRecord) override {}
  void on_end(std::uint64_t) override {}
  int dependencies = 0;
};

int dependencies_in(const std::filesystem::path& path) {
  Deaf visitor;
  CHECK(read_trace(path, visitor).warnings.empty());
  return visitor.dependencies;
}

void lock_two(pthread_mutex_t& first, pthread_mutex_t& second) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_wait(&first, LockKind::Mutex, Mode::Exclusive, WaitKind::Blocking, at);
  before_wait(&second, LockKind::Mutex, Mode::Exclusive, WaitKind::Blocking, at);
  before_release(&second);
  before_release(&first);
}

// Runs `body` in a child and hands over the path of the trace the child then has; empty if the child failed.
std::filesystem::path trace_of_child(const std::function<void()>& body) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const int status = in_child([&] {
    body();
    const std::string_view path = trace.path();
    return write(ends[1], path.data(), path.size()) == static_cast<ssize_t>(path.size()) ? 0 : 1;
  });
  close(ends[1]);
  char path[4096];
  const ssize_t size = read(ends[0], path, sizeof path);
  close(ends[0]);
  CHECK(status == 0);
  return status == 0 && size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

TEST_CASE("fork: the child's dependencies, known to the parent or not, are in a trace of its own") {
  record_here();
  static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
  static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
  static pthread_mutex_t third = PTHREAD_MUTEX_INITIALIZER;
  lock_two(first, second);
  const int before = dependencies_in(trace.path());
  const std::filesystem::path of_child = trace_of_child([] {
    lock_two(first, second);
    lock_two(second, third);
  });
  REQUIRE_FALSE(of_child.empty());
  CHECK(of_child != trace.path());
  CHECK(dependencies_in(of_child) == 2);
  CHECK(dependencies_in(trace.path()) == before);
  CHECK(records_of(of_child).at(0).at("ppid") == getpid());
  std::filesystem::remove(of_child);
}

TEST_CASE("fork: a stack numbered by the parent is defined in the child's trace when it is used there") {
  record_here();
  const std::uintptr_t pcs[] = {0x5000, 0x5001};
  const StackId stack = intern_stack(pcs, 2, StackBy::Unwind);
  {
    Guard guard;
    REQUIRE(guard);
    REQUIRE(written_stack(guard.thread(), stack) == stack);
  }
  const std::filesystem::path of_child = trace_of_child([=] {
    Guard guard;
    if (!guard || !ensure_trace(guard.thread()) || written_stack(guard.thread(), stack) != stack) _exit(2);
  });
  REQUIRE_FALSE(of_child.empty());
  int defined = 0;
  for (const Json& record : records_of(of_child))
    defined += record.at("t") == "stack" && record.at("id") == stack.value;
  CHECK(defined == 1);
  std::filesystem::remove(of_child);
}

TEST_CASE("fork: a child of a process with busy threads is not kept from recording by those it left behind") {
  record_here();
  static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
  static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
  std::atomic<bool> done{false};
  int good = 0;
  constexpr int kForks = 20;
  in_threads(3, [&](int number) {
    if (number == 0) {
      for (int i = 0; i < kForks; ++i)
        good += in_child([] {
                  lock_two(first, second);
                  std::uint64_t dependencies = trace.stats.dependencies;
                  unlink(trace.path());
                  return dependencies == 1 ? 0 : 1;
                }) == 0;
      done = true;
    } else {
      // Always in the middle of something new, though not without end: stacks are numbered up to a bound.
      for (std::uintptr_t i = 0; !done && i < 300'000; ++i) {
        const std::uintptr_t pcs[] = {static_cast<std::uintptr_t>(number), i};
        intern_stack(pcs, 2, StackBy::Unwind);
        Guard guard;
        bool added;
        if (guard) recorded.find_or_add(key_of(Key::Role, static_cast<std::uint64_t>(number), i), &added);
      }
    }
  });
  CHECK(good == kForks);
}
