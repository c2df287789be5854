#include "sys/next_definition.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include <cstdint>

#include "raw_syscall.h"

namespace faultline::sys {
namespace {

struct Tables {
  const ElfW(Sym) * symbols;
  const char* names;
  const std::uint32_t* hash;  // DT_GNU_HASH
  const ElfW(Half) * versions;
};

// The loader has made the addresses in most objects' dynamic sections absolute, but not in all (the vDSO's).
template <class T>
const T* pointer(const link_map& object, ElfW(Addr) value) {
  return reinterpret_cast<const T*>(value >= object.l_addr ? value : value + object.l_addr);
}

Tables tables_of(const link_map& object) {
  Tables tables{};
  for (const ElfW(Dyn)* entry = object.l_ld; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_SYMTAB) tables.symbols = pointer<ElfW(Sym)>(object, entry->d_un.d_ptr);
    if (entry->d_tag == DT_STRTAB) tables.names = pointer<char>(object, entry->d_un.d_ptr);
    if (entry->d_tag == DT_GNU_HASH) tables.hash = pointer<std::uint32_t>(object, entry->d_un.d_ptr);
    if (entry->d_tag == DT_VERSYM) tables.versions = pointer<ElfW(Half)>(object, entry->d_un.d_ptr);
  }
  return tables;
}

std::uint32_t hash_of(const char* symbol) {
  std::uint32_t hash = 5381;
  for (; *symbol != '\0'; ++symbol) hash = hash * 33 + static_cast<unsigned char>(*symbol);
  return hash;
}

// Not strcmp: a sanitizer's runtime, which stands in front of it, asks for symbols before it can answer that.
bool is_same(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

// Of a version that nothing new is bound to.
bool is_hidden(const Tables& tables, std::uint32_t index) {
  return tables.versions != nullptr && (tables.versions[index] & 0x8000) != 0;
}

// The layout of DT_GNU_HASH: buckets, first symbol, words of the filter, its shift; filter, buckets, chains.
Definition definition_in(const link_map& object, const char* symbol) {
  const Tables tables = tables_of(object);
  if (tables.symbols == nullptr || tables.names == nullptr || tables.hash == nullptr) return {};
  const std::uint32_t bucket_count = tables.hash[0];
  const std::uint32_t first_symbol = tables.hash[1];
  const std::uint32_t filter_words = tables.hash[2];
  if (bucket_count == 0) return {};
  const std::uint32_t* buckets =
      tables.hash + 4 + filter_words * (sizeof(ElfW(Addr)) / sizeof(std::uint32_t));
  const std::uint32_t* chains = buckets + bucket_count;
  const std::uint32_t hash = hash_of(symbol);
  std::uint32_t index = buckets[hash % bucket_count];
  if (index < first_symbol) return {};
  for (;; ++index) {
    const std::uint32_t chained = chains[index - first_symbol];
    const ElfW(Sym)& entry = tables.symbols[index];
    if ((chained | 1) == (hash | 1) && entry.st_shndx != SHN_UNDEF && !is_hidden(tables, index) &&
        is_same(tables.names + entry.st_name, symbol))
      return {reinterpret_cast<void*>(object.l_addr + entry.st_value), entry.st_size};
    if ((chained & 1) != 0) return {};
  }
}

// What every loader leaves for debuggers, by way of the program's own headers: not glibc's `_r_debug`, which
// would keep any other libc from loading the shim.
const r_debug* loader_debug() {
  const auto* headers = reinterpret_cast<const ElfW(Phdr)*>(getauxval(AT_PHDR));
  const std::size_t count = getauxval(AT_PHNUM);
  if (headers == nullptr) return nullptr;
  ElfW(Addr) base = 0;
  const ElfW(Dyn)* dynamic = nullptr;
  for (std::size_t i = 0; i < count; ++i)
    if (headers[i].p_type == PT_PHDR) base = reinterpret_cast<ElfW(Addr)>(headers) - headers[i].p_vaddr;
  for (std::size_t i = 0; i < count; ++i)
    if (headers[i].p_type == PT_DYNAMIC)
      dynamic = reinterpret_cast<const ElfW(Dyn)*>(base + headers[i].p_vaddr);
  for (; dynamic != nullptr && dynamic->d_tag != DT_NULL; ++dynamic)
    if (dynamic->d_tag == DT_DEBUG) return reinterpret_cast<const r_debug*>(dynamic->d_un.d_ptr);
  return nullptr;
}

}  // namespace

Definition next_definition(const char* symbol) {
  const r_debug* debug = loader_debug();
  if (debug == nullptr) return {};
  constexpr int kPatienceYields = 5000;
  for (int i = 0; i < kPatienceYields; ++i) {
    if (__atomic_load_n(&debug->r_state, __ATOMIC_ACQUIRE) == r_debug::RT_CONSISTENT) break;
    call(SYS_sched_yield);
  }
  bool after_us = false;
  for (const link_map* object = debug->r_map; object != nullptr; object = object->l_next) {
    if (after_us)
      if (const Definition found = definition_in(*object, symbol); found.address != nullptr) return found;
    after_us = after_us || object->l_ld == _DYNAMIC;  // this object's own; the linker makes it
  }
  return {};
}

}  // namespace faultline::sys
