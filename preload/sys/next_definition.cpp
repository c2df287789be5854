#include "sys/next_definition.h"

#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstring>

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
        std::strcmp(tables.names + entry.st_name, symbol) == 0)
      return {reinterpret_cast<void*>(object.l_addr + entry.st_value), entry.st_size};
    if ((chained & 1) != 0) return {};
  }
}

}  // namespace

Definition next_definition(const char* symbol) {
  constexpr int kPatienceYields = 5000;
  for (int i = 0; i < kPatienceYields; ++i) {
    if (__atomic_load_n(&_r_debug.r_state, __ATOMIC_ACQUIRE) == r_debug::RT_CONSISTENT) break;
    call(SYS_sched_yield);
  }
  bool after_us = false;
  for (const link_map* object = _r_debug.r_map; object != nullptr; object = object->l_next) {
    if (after_us)
      if (const Definition found = definition_in(*object, symbol); found.address != nullptr) return found;
    after_us = after_us || object->l_ld == _DYNAMIC;  // this object's own; the linker makes it
  }
  return {};
}

}  // namespace faultline::sys
