#include "record/modules.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>

#include <cstring>
#include <string_view>

#include "json_line.h"
#include "raw_syscall.h"
#include "runtime.h"

// Absent before glibc 2.35: then every address is unknown code, and stacks are return addresses.
#pragma weak _dl_find_object

namespace faultline {
namespace {

constinit std::atomic<std::uint32_t> next_module{1};

std::uint64_t hash_text(const char* text) {
  std::uint64_t hash = 14695981039346656037u;
  for (; *text != '\0'; ++text) hash = (hash ^ static_cast<unsigned char>(*text)) * 1099511628211u;
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

void write_module(ThreadState& thread, ModuleId id, const ModuleRange& module) {
  auto* const path = reinterpret_cast<char*>(thread.stack_words);
  std::string_view shown = module.name;
  if (shown.empty()) {
    const long length = sys::call(SYS_readlinkat, AT_FDCWD, sys::as_long("/proc/thread-self/exe"),
                                  sys::as_long(path), sizeof thread.stack_words);
    shown = {path, length > 0 ? static_cast<std::size_t>(length) : 0};
  }
  char hex[2 * 64];
  std::size_t digits = 0;
  for (const char c : build_id(module)) {
    if (digits == sizeof hex) break;
    hex[digits++] = "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    hex[digits++] = "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("module").number("id", id.value).text("path", shown).text("build_id", {hex, digits});
  line.hex("base", module.base).hex("start", module.start).hex("end", module.end);
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

namespace {

std::uint64_t module_key(const ModuleRange& module) {
  return key_of(Key::Module, mix(module.start, module.end), hash_text(module.name));
}

}  // namespace

CodeLocation written_location(std::uintptr_t address) {
  ModuleRange module;
  const KeyMap::Value* value = find_module(address, module) ? recorded.find(module_key(module)) : nullptr;
  if (value == nullptr) return {ModuleId{}, address};
  return {ModuleId{static_cast<std::uint32_t>(await_value(*value))}, address - module.base};
}

CodeLocation locate(ThreadState& thread, std::uintptr_t address) {
  ModuleRange module;
  bool added = false;
  KeyMap::Value* value =
      find_module(address, module) ? recorded.find_or_add(module_key(module), &added) : nullptr;
  if (added) {
    const ModuleId id{next_module.fetch_add(1, std::memory_order_relaxed)};
    write_module(thread, id, module);
    value->store(id.value, std::memory_order_release);
  }
  return written_location(address);
}

}  // namespace faultline
