#include "fault/contexts.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/stat.h>

#include <cstring>

#include "fault/blocked_stack.h"
#include "fault/fuse_mounts.h"
#include "fault/registered_memory.h"
#include "fault/served_ranges.h"
#include "json_line.h"
#include "raw_syscall.h"
#include "record/dependencies.h"
#include "record/lock_identity.h"
#include "record/stacks.h"
#include "runtime.h"
#include "sys/task_state.h"

namespace faultline {

constinit std::atomic<int> fault_context_count{0};

namespace {

constexpr int kFree = 0;
constexpr int kClaimed = -1;  // being filled in
constexpr int kAway = -2;     // closed here, while somebody else has it
constexpr std::uint32_t kSeveral = ~0u;

struct Entry {
  std::atomic<int> fd_plus_1;  // or one of the above
  std::atomic<std::uint32_t> service;
  std::atomic<std::uint32_t> reading;
  std::atomic<std::uint32_t> made_at;  // stack
  std::atomic<std::uint32_t> reader;   // thread; 0: none yet
  std::atomic<std::uint64_t> inode;
  std::atomic<std::uint64_t> features;
  std::atomic<bool> own_memory;

  bool is_in_use() const {
    const int fd = fd_plus_1.load(std::memory_order_acquire);
    return fd != kFree && fd != kClaimed;
  }
};
constexpr int kMaxContexts = 256;
constinit Entry entries[kMaxContexts]{};

// Descriptors below that number that were looked at and are none, by bit. Forgotten when closed; one that is
// replaced unseen (dup2) is learned at its first request only.
constexpr int kKnownDescriptors = 4096;
constinit std::atomic<std::uint64_t> others[kKnownDescriptors / 64]{};

bool is_known_other(int fd) {
  return fd >= 0 && fd < kKnownDescriptors &&
         (others[fd / 64].load(std::memory_order_relaxed) >> fd % 64 & 1) != 0;
}

void know_as_other(int fd) {
  if (fd >= 0 && fd < kKnownDescriptors)
    others[fd / 64].fetch_or(std::uint64_t{1} << fd % 64, std::memory_order_relaxed);
}

Entry* entry_of(int fd) {
  if (fd < 0) return nullptr;
  for (Entry& entry : entries)
    if (entry.fd_plus_1.load(std::memory_order_acquire) == fd + 1) return &entry;
  return nullptr;
}

// One that is open here, if any is.
Entry* entry_of(LockId service) {
  Entry* away = nullptr;
  for (Entry& entry : entries) {
    if (!entry.is_in_use() || (entry.service.load(std::memory_order_relaxed) != service.value &&
                               entry.reading.load(std::memory_order_relaxed) != service.value))
      continue;
    if (entry.fd_plus_1.load(std::memory_order_relaxed) > 0) return &entry;
    away = &entry;
  }
  return away;
}

// `fd` may be any file: one's server, which could be this thread, is not to be asked.
bool inode_of(int fd, std::uint64_t& inode) {
  struct statx status {};
  if (sys::call(SYS_statx, fd, sys::as_long(""), AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO,
                sys::as_long(&status)) != 0)
    return false;
  inode = status.stx_ino;
  return true;
}

// "fd/7" behind `folder`.
struct FdPath {
  char text[24];
  FdPath(const char* folder, int fd) {
    char digits[12];
    std::size_t count = 0;
    do digits[count++] = static_cast<char>('0' + fd % 10);
    while ((fd /= 10) > 0);
    std::size_t length = std::strlen(folder);
    std::memcpy(text, folder, length);
    while (count > 0) text[length++] = digits[--count];
    text[length] = '\0';
  }
};

bool is_userfaultfd(int fd) {
  constexpr char kName[] = "anon_inode:[userfaultfd]";
  char path[64] = "/proc/thread-self/";
  const FdPath name("fd/", fd);
  std::memcpy(path + std::strlen(path), name.text, sizeof name.text);
  char target[64];
  const long length = sys::call(SYS_readlinkat, AT_FDCWD, sys::as_long(path), sys::as_long(target), 64);
  return length == sizeof kName - 1 && std::memcmp(target, kName, sizeof kName - 1) == 0;
}

// The text behind `key` in what /proc says of a descriptor; null: not there.
const char* fd_info(int fd, const char* key, char* text, std::size_t size) {
  if (sys::read_proc(FdPath("fdinfo/", fd).text, text, size) == 0) return nullptr;
  const char* at = std::strstr(text, key);
  return at != nullptr ? at + std::strlen(key) : nullptr;
}

// What the context was agreed on with, by its line "API:\taa:FEATURES:ALL"; 0 before UFFDIO_API.
std::uint64_t features_of(int fd) {
  char text[512];
  const char* at = fd_info(fd, "API:", text, sizeof text);
  if (at == nullptr || (at = std::strchr(at, ':')) == nullptr) return 0;
  std::uint64_t features = 0;
  for (++at; *at != ':' && *at != '\0' && *at != '\n'; ++at)
    features = features << 4 | static_cast<std::uint64_t>(*at <= '9' ? *at - '0' : *at - 'a' + 10);
  return features;
}

void free_entry(Entry& entry, int expected) {
  if (!entry.fd_plus_1.compare_exchange_strong(expected, kFree, std::memory_order_acq_rel)) return;
  remove_served_ranges(LockId{entry.service.load(std::memory_order_relaxed)});
  fault_context_count.fetch_sub(1, std::memory_order_release);
}

Entry* claim_entry() {
  for (const int candidate : {kFree, kAway})
    for (Entry& entry : entries) {
      int state = candidate;
      if (!entry.fd_plus_1.compare_exchange_strong(state, kClaimed, std::memory_order_acq_rel)) continue;
      if (candidate == kFree) {
        fault_context_count.fetch_add(1, std::memory_order_release);
      } else {
        remove_served_ranges(LockId{entry.service.load(std::memory_order_relaxed)});
      }
      return &entry;
    }
  return nullptr;
}

void fill(const Entry& entry, int fd, FaultContext& found) {
  found = {fd,
           LockId{entry.service.load(std::memory_order_relaxed)},
           LockId{entry.reading.load(std::memory_order_relaxed)},
           entry.inode.load(std::memory_order_relaxed),
           entry.features.load(std::memory_order_relaxed),
           entry.own_memory.load(std::memory_order_relaxed)};
}

// `own_memory`: by all that is known yet. Another descriptor of a known context knows better.
void add(Guard& guard, int fd, std::uint64_t features, bool own_memory, CallPoint at) {
  std::uint64_t inode = 0;
  if (!inode_of(fd, inode)) return;
  forget_descriptor(fd);
  if (guard.thread().top == guard.thread().base) load_blocked_stack_unwinder();
  const Entry* known = nullptr;
  for (const Entry& entry : entries)
    if (entry.is_in_use() && entry.inode.load(std::memory_order_relaxed) == inode) known = &entry;
  const LockId service{known != nullptr ? known->service.load() : new_lock_id().value};
  const LockId reading{known != nullptr ? known->reading.load() : new_lock_id().value};
  const std::uint32_t reader = known != nullptr ? known->reader.load() : 0;
  own_memory = known != nullptr ? known->own_memory.load() : own_memory;
  if (Entry* same = entry_of(fd)) free_entry(*same, fd + 1);
  Entry* entry = claim_entry();
  if (entry == nullptr) return trace.lose(Lost::PendingFaults);
  entry->service.store(service.value, std::memory_order_relaxed);
  entry->reading.store(reading.value, std::memory_order_relaxed);
  entry->made_at.store(call_site(guard, at).place.stack.value, std::memory_order_relaxed);
  entry->reader.store(reader, std::memory_order_relaxed);
  entry->inode.store(inode, std::memory_order_relaxed);
  entry->features.store(features, std::memory_order_relaxed);
  entry->own_memory.store(own_memory, std::memory_order_relaxed);
  entry->fd_plus_1.store(fd + 1, std::memory_order_release);
}

}  // namespace

bool may_be_fault_context(int fd) {
  return any_fault_context() && !is_known_other(fd);
}

bool find_fault_context(Guard& guard, int fd, FaultContext& found, CallPoint at) {
  std::uint64_t inode = 0;
  if (is_known_other(fd) || !inode_of(fd, inode)) return false;
  Entry* entry = entry_of(fd);
  if (entry != nullptr && inode != entry->inode.load(std::memory_order_relaxed)) {
    free_entry(*entry, fd + 1);
    entry = nullptr;
  }
  if (entry == nullptr) {
    if (!is_userfaultfd(fd)) {
      know_as_other(fd);
      return false;
    }
    add(guard, fd, features_of(fd), false, at);
    if ((entry = entry_of(fd)) == nullptr) return false;
  }
  fill(*entry, fd, found);
  return true;
}

bool find_context_of(LockId service, FaultContext& found) {
  const Entry* entry = entry_of(service);
  if (entry == nullptr) return false;
  const int fd_plus_1 = entry->fd_plus_1.load(std::memory_order_relaxed);
  fill(*entry, fd_plus_1 > 0 ? fd_plus_1 - 1 : -1, found);
  return true;
}

void add_fault_context(Guard& guard, int fd, std::uint64_t features, CallPoint at) {
  add(guard, fd, features, true, at);
}

bool has_waiters(const FaultContext& context) {
  char text[512];
  const char* at = fd_info(context.fd, "total:", text, sizeof text);
  while (at != nullptr && (*at == '\t' || *at == ' ')) ++at;
  return at != nullptr && *at >= '1' && *at <= '9';
}

LockId fault_context_closes(int fd) {
  forget_descriptor(fd);
  Entry* entry = entry_of(fd);
  int expected = fd + 1;
  if (entry == nullptr || !entry->fd_plus_1.compare_exchange_strong(expected, kAway)) return LockId{};
  return LockId{entry->service.load(std::memory_order_relaxed)};
}

void fault_context_closed(Guard& guard, LockId service) {
  const std::uint64_t served = a_served_address(service);
  ThreadState& thread = guard.thread();
  if (served != 0 && is_registered(served, thread.line, sizeof thread.line)) return;
  for (Entry& entry : entries)
    if (entry.service.load(std::memory_order_relaxed) == service.value) free_entry(entry, kAway);
}

void forget_descriptor(int fd) {
  if (fd >= 0 && fd < kKnownDescriptors)
    others[fd / 64].fetch_and(~(std::uint64_t{1} << fd % 64), std::memory_order_relaxed);
}

void note_reader(LockId reading, ThreadId thread) {
  Entry* entry = entry_of(reading);
  if (entry == nullptr || entry->reader.load(std::memory_order_relaxed) == thread.value) return;
  std::uint32_t none = 0;
  if (!entry->reader.compare_exchange_strong(none, thread.value, std::memory_order_relaxed))
    entry->reader.store(kSeveral, std::memory_order_relaxed);
}

ThreadId sole_reader(LockId reading) {
  const Entry* entry = entry_of(reading);
  const std::uint32_t reader = entry != nullptr ? entry->reader.load(std::memory_order_relaxed) : 0;
  return ThreadId{reader != kSeveral ? reader : 0};
}

bool any_reader(LockId reading) {
  const Entry* entry = entry_of(reading);
  return entry != nullptr && entry->reader.load(std::memory_order_relaxed) != 0;
}

void fault_contexts_after_fork() {
  for (Entry& entry : entries) {
    entry.reader.store(0, std::memory_order_relaxed);
    entry.own_memory.store(false, std::memory_order_relaxed);
    // What served this process's parent from elsewhere does not serve this one.
    if (entry.fd_plus_1.load(std::memory_order_relaxed) >= 0) continue;
    if (entry.fd_plus_1.exchange(kFree, std::memory_order_relaxed) != kFree)
      fault_context_count.fetch_sub(1, std::memory_order_relaxed);
  }
}

void write_service_record(ThreadState& writer, LockId service) {
  if (is_fuse_service(service)) return write_fuse_service(writer, service);
  bool added;
  KeyMap::Value* value = recorded.find_or_add(key_of(Key::Lock, service.value), &added);
  if (value == nullptr) return;
  if (!added) {
    await_value(*value);
    return;
  }
  for (const Entry& entry : entries) {
    const bool is_reading = entry.reading.load(std::memory_order_relaxed) == service.value;
    if (!is_reading && entry.service.load(std::memory_order_relaxed) != service.value) continue;
    const StackId made_at = written_stack(writer, StackId{entry.made_at.load(std::memory_order_relaxed)});
    JsonLine line(writer.line, sizeof writer.line);
    line.begin("lock").number("id", service.value).text("kind", spelling(LockKind::Service)).hex("addr", 0);
    line.number("init", made_at.value)
        .number("first", 0)
        .number("inode", entry.inode.load(std::memory_order_relaxed));
    if (is_reading) line.truth("events", true);
    trace.append(line.end());
    break;
  }
  value->store(1, std::memory_order_release);
}

HeldId service_node(ThreadState& server, LockId service, StackId at) {
  write_service_record(server, service);
  return held_node(server, HeldId{},
                   HeldLock{nullptr,
                            0,
                            word_of_instance(service),
                            {at, 0},
                            HeldId{},
                            LockKind::Service,
                            Mode::Exclusive,
                            false,
                            false});
}

}  // namespace faultline
