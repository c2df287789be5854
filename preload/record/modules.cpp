#include "record/modules.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>

#include <cstring>
#include <string_view>

#include "json_line.h"
#include "raw_syscall.h"
#include "runtime.h"
#include "sys/arena.h"

// Absent before glibc 2.35: then every address is unknown code, and stacks are return addresses.
#pragma weak _dl_find_object

namespace faultline {
namespace {

// What is kept of an object: it may be gone by the time something of it is written.
struct KnownModule {
  ModuleRange range;
  char build_id[2 * 64 + 1];  // hexadecimal
};

// By number. Past the last one objects are unknown code; a program that loads so many unloads them again.
constexpr std::uint32_t kMaxModules = 8192;
constinit std::atomic<KnownModule*> modules[kMaxModules]{};
constinit std::atomic<std::uint32_t> next_module{1};
constinit std::atomic<std::uint32_t> replacements{0};

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

// The GNU build id's bytes, found in the object's notes.
std::string_view build_id(const ModuleRange& module) {
  std::size_t count = 0;
  const ElfW(Phdr)* headers = program_headers(module, count);
  for (std::size_t i = 0; i < count; ++i) {
    if (headers[i].p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(module.base + headers[i].p_vaddr);
    const char* end = at + headers[i].p_memsz;
    // A note segment that is not mapped where the headers say (a stripped debug file's) is not read.
    if (reinterpret_cast<std::uintptr_t>(at) < module.start ||
        reinterpret_cast<std::uintptr_t>(end) > module.end)
      continue;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
      const char* name = at + sizeof *note;
      const char* data = name + ((note->n_namesz + 3) & ~3u);
      if (data + note->n_descsz > end) break;
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
        return {data, note->n_descsz};
      at = data + ((note->n_descsz + 3) & ~3u);
    }
  }
  return {};
}

KnownModule* make_module(const ModuleRange& range) {
  const std::size_t length = std::strlen(range.name);
  auto* module = static_cast<KnownModule*>(arena_allocate(sizeof(KnownModule) + length + 1));
  if (module == nullptr) return nullptr;
  char* const name = reinterpret_cast<char*>(module + 1);
  std::memcpy(name, range.name, length + 1);
  module->range = range;
  module->range.name = name;
  std::size_t digits = 0;
  for (const char c : build_id(range)) {
    if (digits + 1 == sizeof module->build_id) break;
    module->build_id[digits++] = "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    module->build_id[digits++] = "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return module;
}

void note_replaced(const ModuleRange& range, std::uint32_t number) {
  for (std::uint32_t i = 1; i < number; ++i) {
    const KnownModule* other = modules[i].load(std::memory_order_acquire);
    if (other == nullptr || other->range.start >= range.end || range.start >= other->range.end) continue;
    replacements.fetch_add(1, std::memory_order_release);
    return;
  }
}

// The object's number. Where another one is loaded later, even from a file of the same name, it gets another.
ModuleId remember(const ModuleRange& range) {
  const std::uint64_t content = mix(hash_text(range.name), hash_text(build_id(range)));
  bool added;
  KeyMap::Value* value =
      remembered.find_or_add(key_of(Key::Module, mix(range.start, range.end), content), &added);
  if (value == nullptr) return ModuleId{};
  if (!added) return ModuleId{static_cast<std::uint32_t>(await_value(*value))};
  const std::uint32_t number = next_module.fetch_add(1, std::memory_order_relaxed);
  KnownModule* module = number < kMaxModules ? make_module(range) : nullptr;
  if (module == nullptr) return ModuleId{};
  modules[number].store(module, std::memory_order_release);
  note_replaced(range, number);
  value->store(number, std::memory_order_release);
  return ModuleId{number};
}

void write_module(ThreadState& thread, ModuleId id, const KnownModule& module) {
  auto* const path = reinterpret_cast<char*>(thread.stack_words);
  std::string_view shown = module.range.name;
  if (shown.empty()) {
    const long length = sys::call(SYS_readlinkat, AT_FDCWD, sys::as_long("/proc/thread-self/exe"),
                                  sys::as_long(path), sizeof thread.stack_words);
    shown = {path, length > 0 ? static_cast<std::size_t>(length) : 0};
  }
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("module").number("id", id.value).text("path", shown).text("build_id", module.build_id);
  line.hex("base", module.range.base).hex("start", module.range.start).hex("end", module.range.end);
  trace.append(line.end());
}

}  // namespace

bool find_module(std::uintptr_t address, ModuleRange& found) {
  dl_find_object object;
  if (&_dl_find_object == nullptr || _dl_find_object(reinterpret_cast<void*>(address), &object) != 0)
    return false;
  found.base = object.dlfo_link_map->l_addr;
  found.start = reinterpret_cast<std::uintptr_t>(object.dlfo_map_start);
  found.end = reinterpret_cast<std::uintptr_t>(object.dlfo_map_end);
  found.name = object.dlfo_link_map->l_name != nullptr ? object.dlfo_link_map->l_name : "";
  found.unwind_table = reinterpret_cast<std::uintptr_t>(object.dlfo_eh_frame);
  return true;
}

const ElfW(Phdr) * program_headers(const ModuleRange& module, std::size_t& count) {
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(module.start);
  if (module.end - module.start < sizeof *header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
    count = 0;
    return nullptr;
  }
  count = header->e_phnum;
  return reinterpret_cast<const ElfW(Phdr)*>(module.start + header->e_phoff);
}

ModuleId ModuleLookup::of(std::uintptr_t address) {
  if (address >= last_.start && address < last_.end) return id_;
  if (!find_module(address, last_)) {
    last_ = ModuleRange{};
    return ModuleId{};
  }
  return id_ = remember(last_);
}

std::uint32_t code_replacements() {
  return replacements.load(std::memory_order_acquire);
}

ModuleId written_module(ThreadState& thread, ModuleId id) {
  if (!id) return id;
  bool added;
  KeyMap::Value* value = recorded.find_or_add(key_of(Key::Module, id.value), &added);
  if (value == nullptr) return ModuleId{};
  if (!added) return await_value(*value) != 0 ? id : ModuleId{};
  write_module(thread, id, *modules[id.value].load(std::memory_order_acquire));
  value->store(1, std::memory_order_release);
  return id;
}

CodeLocation location_in(ModuleId id, std::uintptr_t address) {
  return {id, id ? address - modules[id.value].load(std::memory_order_acquire)->range.base : address};
}

CodeLocation locate(ThreadState& thread, std::uintptr_t address) {
  return location_in(written_module(thread, ModuleLookup().of(address)), address);
}

}  // namespace faultline
