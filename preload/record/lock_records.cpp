#include "record/lock_records.h"

#include <cstring>
#include <string_view>

#include "json_line.h"
#include "record/file_locks.h"
#include "record/modules.h"
#include "record/stacks.h"
#include "runtime.h"
#include "sys/arena.h"
#include "sys/mappings.h"

namespace faultline {
namespace {

// Bits of __data.__kind (nptl/pthreadP.h).
constexpr int kKindTypeMask = 3;
constexpr int kKindRobust = 16;
constexpr int kKindShared = 128;

void write_attributes(JsonLine& line, LockKind kind, const volatile void* address) {
  if (kind == LockKind::Mutex) {
    const int bits = reinterpret_cast<const volatile pthread_mutex_t*>(address)->__data.__kind;
    constexpr MutexType types[] = {MutexType::Normal, MutexType::Recursive, MutexType::Errorcheck,
                                   MutexType::Adaptive};
    line.text("type", spelling(types[bits & kKindTypeMask]));
    if ((bits & kKindRobust) != 0) line.truth("robust", true);
    if ((bits & kKindShared) != 0) line.truth("shared", true);
  } else if (kind == LockKind::Rwlock) {
    const auto& data = reinterpret_cast<const volatile pthread_rwlock_t*>(address)->__data;
    const RwlockPreference preference =
        data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP ? RwlockPreference::WriterNonrecursive
        : data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NP            ? RwlockPreference::Writer
                                                                     : RwlockPreference::Reader;
    line.text("prefer", spelling(preference));
    if (data.__shared != 0) line.truth("shared", true);
  } else if (kind == LockKind::File) {
    write_file_attributes(line, *static_cast<const FileLock*>(const_cast<const void*>(address)));
  }
}

bool is_shared_between_processes(LockKind kind, const volatile void* address) {
  if (kind == LockKind::Mutex)
    return (reinterpret_cast<const volatile pthread_mutex_t*>(address)->__data.__kind & kKindShared) != 0;
  return kind == LockKind::Rwlock &&
         reinterpret_cast<const volatile pthread_rwlock_t*>(address)->__data.__shared != 0;
}

// Where a lock of several processes lies, so that it is known as the same one in all of them.
void write_shared_place(ThreadState& thread, JsonLine& line, const volatile void* lock) {
  const auto address = reinterpret_cast<std::uintptr_t>(lock);
  Mapping mapping;
  if (!find_mapping(reinterpret_cast<char*>(thread.stack_words), sizeof thread.stack_words, address,
                    mapping) ||
      !mapping.shared || mapping.inode == 0)
    return;
  line.number("device", mapping.device).number("inode", mapping.inode);
  line.number("offset", mapping.offset + (address - mapping.low));
}

void write_name(ThreadState& thread, LockId lock, const char* name, std::string_view record = "name") {
  JsonLine line(thread.line, sizeof thread.line);
  trace.append(line.begin(record).number("lock", lock.value).text("name", name).end());
}

void write_role(ThreadState& thread, LockId lock) {
  JsonLine line(thread.line, sizeof thread.line);
  trace.append(line.begin("role").number("lock", lock.value).text("role", "mmap_lock").end());
}

// The annotated name of everything that is of this class; null: none.
const char* name_of_class(ClassId id) {
  const KeyMap::Value* name = remembered.find(key_of(Key::ClassName, id.value));
  return name != nullptr ? reinterpret_cast<const char*>(name->load(std::memory_order_acquire)) : nullptr;
}

bool is_written(LockId lock) {
  return recorded.find(key_of(Key::Lock, lock.value)) != nullptr;
}

}  // namespace

LockId write_lock_record(ThreadState& thread, LockWord word, LockKind kind, const volatile void* address,
                         bool may_be_gone) {
  const LockId id = trace_id(word);
  bool added;
  KeyMap::Value* value = recorded.find_or_add(key_of(Key::Lock, id.value), &added);
  if (value == nullptr) return id;
  if (!added) {
    await_value(*value);
    return id;
  }
  const ClassFacts facts = facts_of(class_in(word));
  const StackId origin = written_stack(thread, facts.origin);
  const bool summary = !instance_in(word);
  // What is no object of the program's has an address of ours, which says nothing.
  const bool is_object = kind != LockKind::Loader && kind != LockKind::File;
  const volatile void* where = summary || !is_object ? nullptr : address;
  const CodeLocation place =
      where != nullptr ? locate(thread, reinterpret_cast<std::uintptr_t>(where)) : CodeLocation{};
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("lock").number("id", id.value).text("kind", spelling(kind));
  line.hex("addr", reinterpret_cast<std::uint64_t>(where));
  line.number("init", facts.initialised ? origin.value : 0)
      .number("first", facts.initialised ? 0 : origin.value);
  if (place.module) line.open("static", '[').element(place.module.value).element(place.offset).close(']');
  if (address != nullptr && (!may_be_gone || is_there(address, kind))) {
    write_attributes(line, kind, address);
    if (!summary && is_shared_between_processes(kind, address)) write_shared_place(thread, line, address);
  }
  if (summary) line.truth("summary", true);
  trace.append(line.end());
  if (facts.name != nullptr) write_name(thread, id, facts.name);
  if (const char* name = name_of_class(class_in(word))) write_name(thread, id, name, "class");
  if (declared_mmap_lock().id == id) write_role(thread, id);
  value->store(1, std::memory_order_release);
  return id;
}

void lock_was_named(ThreadState& thread, LockWord word) {
  const LockId id = trace_id(word);
  const char* name = facts_of(class_in(word)).name;
  if (name != nullptr && is_written(id)) write_name(thread, id, name);
}

void name_class_of(ThreadState& thread, LockWord word, const char* name) {
  constexpr std::size_t kLongest = 63;
  const std::size_t length = strnlen(name, kLongest);
  bool added;
  KeyMap::Value* value = remembered.find_or_add(key_of(Key::ClassName, class_in(word).value), &added);
  auto* text = static_cast<char*>(arena_allocate(length + 1, 1));
  if (!word || value == nullptr || text == nullptr) return;
  std::memcpy(text, name, length);
  text[length] = '\0';
  value->store(reinterpret_cast<std::uint64_t>(text), std::memory_order_release);
  if (is_written(trace_id(word))) write_name(thread, trace_id(word), text, "class");
}

void lock_was_declared(ThreadState& thread, LockId lock) {
  if (is_written(lock)) write_role(thread, lock);
}

}  // namespace faultline
