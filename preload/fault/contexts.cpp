#include "fault/contexts.h"

#include <sys/stat.h>

#include "fault/blocked_stack.h"
#include "fault/served_ranges.h"
#include "json_line.h"
#include "raw_syscall.h"
#include "record/lock_identity.h"
#include "record/stacks.h"
#include "runtime.h"

namespace faultline {

constinit std::atomic<int> fault_context_count{0};

namespace {

struct Entry {
  std::atomic<int> fd_plus_1;  // 0: free
  std::atomic<std::uint32_t> service;
  std::atomic<std::uint32_t> made_at;  // stack
  std::atomic<std::uint64_t> inode;
};
constexpr int kMaxContexts = 256;
constinit Entry entries[kMaxContexts]{};

Entry* entry_of(int fd) {
  for (Entry& entry : entries)
    if (entry.fd_plus_1.load(std::memory_order_acquire) == fd + 1) return &entry;
  return nullptr;
}

bool inode_of(int fd, std::uint64_t& inode) {
  struct stat st;
  if (sys::call(SYS_fstat, fd, sys::as_long(&st)) != 0) return false;
  inode = st.st_ino;
  return true;
}

}  // namespace

bool is_fault_context(int fd) {
  return any_fault_context() && entry_of(fd) != nullptr;
}

bool find_fault_context(int fd, FaultContext& found) {
  Entry* entry = entry_of(fd);
  std::uint64_t inode = 0;
  if (entry == nullptr || !inode_of(fd, inode)) return false;
  if (inode != entry->inode.load(std::memory_order_relaxed)) {
    remove_fault_context(fd);
    return false;
  }
  found = {fd, LockId{entry->service.load(std::memory_order_relaxed)}, inode};
  return true;
}

void add_fault_context(Guard& guard, int fd, CallPoint at) {
  std::uint64_t inode = 0;
  if (!inode_of(fd, inode)) return;
  remove_fault_context(fd);
  if (guard.thread().top == guard.thread().base) load_blocked_stack_unwinder();
  for (Entry& entry : entries) {
    int free = 0;
    if (!entry.fd_plus_1.compare_exchange_strong(free, -1, std::memory_order_acq_rel)) continue;
    entry.service.store(new_lock_id().value, std::memory_order_relaxed);
    entry.made_at.store(call_site(guard, at).place.stack.value, std::memory_order_relaxed);
    entry.inode.store(inode, std::memory_order_relaxed);
    entry.fd_plus_1.store(fd + 1, std::memory_order_release);
    fault_context_count.fetch_add(1, std::memory_order_release);
    return;
  }
  trace.lose(Lost::PendingFaults);
}

void remove_fault_context(int fd) {
  Entry* entry = entry_of(fd);
  int expected = fd + 1;
  if (entry == nullptr || !entry->fd_plus_1.compare_exchange_strong(expected, 0, std::memory_order_acq_rel))
    return;
  remove_served_ranges(LockId{entry->service.load(std::memory_order_relaxed)});
  fault_context_count.fetch_sub(1, std::memory_order_release);
}

void forget_fault_contexts() {
  for (Entry& entry : entries) entry.fd_plus_1.store(0, std::memory_order_relaxed);
  fault_context_count.store(0, std::memory_order_relaxed);
}

void write_service_record(ThreadState& writer, LockId service) {
  bool added;
  KeyMap::Value* value = recorded.find_or_add(key_of(Key::Lock, service.value), &added);
  if (value == nullptr) return;
  if (!added) {
    await_value(*value);
    return;
  }
  for (const Entry& entry : entries) {
    if (entry.service.load(std::memory_order_relaxed) != service.value) continue;
    const StackId made_at = written_stack(writer, StackId{entry.made_at.load(std::memory_order_relaxed)});
    JsonLine line(writer.line, sizeof writer.line);
    line.begin("lock").number("id", service.value).text("kind", spelling(LockKind::Service)).hex("addr", 0);
    line.number("init", made_at.value)
        .number("first", 0)
        .number("inode", entry.inode.load(std::memory_order_relaxed));
    trace.append(line.end());
    break;
  }
  value->store(1, std::memory_order_release);
}

}  // namespace faultline
