#include "debug_info.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "data_members.h"
#include "demangle.h"

namespace faultline {

namespace {

namespace fs = std::filesystem;

// An object that is no larger is the lock itself, or one with nothing beside it.
constexpr std::size_t kLargestLock = sizeof(pthread_rwlock_t);

// libdw hands out arrays from malloc.
class Scopes {
 public:
  static Scopes at(Dwarf_Die* unit, Dwarf_Addr address) {
    Scopes scopes;
    scopes.count_ = dwarf_getscopes(unit, address, &scopes.dies_);
    return scopes;
  }
  static Scopes around(Dwarf_Die* die) {
    Scopes scopes;
    scopes.count_ = dwarf_getscopes_die(die, &scopes.dies_);
    return scopes;
  }
  Scopes(Scopes&& other) noexcept
      : dies_(std::exchange(other.dies_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  Scopes& operator=(Scopes&&) = delete;
  ~Scopes() { std::free(dies_); }

  Dwarf_Die* begin() const { return dies_; }
  Dwarf_Die* end() const { return dies_ + std::max(count_, 0); }
  bool empty() const { return count_ <= 0; }

 private:
  Scopes() = default;
  Dwarf_Die* dies_ = nullptr;
  int count_ = 0;
};

std::string hex(const unsigned char* bytes, int count) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

// Where Debian and others keep what was stripped off the file of that build id.
std::string debug_file_of(const std::string& build_id) {
  return "/usr/lib/debug/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug";
}

std::string string_attribute(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute;
  const char* text = dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
  return text ? text : "";
}

Dwarf_Word number_attribute(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0) return 0;
  return value;
}

// "function::name" for what has no linkage name: C's functions, and members of local classes and lambdas.
std::string qualified_name(Dwarf_Die* die) {
  Dwarf_Die declaration = *die;
  Dwarf_Attribute attribute;
  for (const unsigned link : {DW_AT_abstract_origin, DW_AT_specification}) {
    Dwarf_Die target;
    if (dwarf_formref_die(dwarf_attr(&declaration, link, &attribute), &target)) declaration = target;
  }
  std::string name;
  for (Dwarf_Die& scope : Scopes::around(&declaration)) {
    const int tag = dwarf_tag(&scope);
    const bool names = tag == DW_TAG_subprogram || tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
                       tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
    if (!names) continue;
    const char* part = dwarf_diename(&scope);
    std::string anonymous = "{unnamed}";
    if (tag == DW_TAG_namespace) anonymous = "(anonymous namespace)";
    if (name == "operator()") anonymous = "{lambda}";  // C++ gives no other unnamed class a call operator
    name = (part ? std::string(part) : anonymous) + (name.empty() ? "" : "::" + name);
  }
  return name;
}

std::string function_of(Dwarf_Die* die) {
  for (const unsigned kind : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    const std::string symbol = string_attribute(die, kind);
    if (symbol.empty()) continue;
    const std::string name = function_name(symbol);
    if (!name.starts_with("_Z")) return name;
  }
  return qualified_name(die);
}

// Fills in file and path from what the compiler wrote, which may be relative to where it ran.
void set_file(SourceLocation& location, const char* written, const std::string& compile_directory) {
  if (!written) return;
  const fs::path directory = fs::path(compile_directory).lexically_normal();
  const fs::path file =
      (directory / written).lexically_normal();  // an absolute `written` replaces the directory
  location.path = file.string();
  const fs::path relative = file.lexically_relative(directory);
  const bool inside = !relative.empty() && *relative.begin() != "..";
  location.file = (inside ? relative : file).string();
}

// The functions around `address`, innermost first. `location` says where in the innermost one.
std::vector<SourceLocation> call_chain(Dwarf_Die* unit, Dwarf_Addr address, SourceLocation location) {
  std::vector<SourceLocation> chain;
  // The scopes at an address leave the physical nesting for that of the source at the first inlined function,
  // so only the innermost one is taken from there.
  const Scopes at_address = Scopes::at(unit, address);
  if (at_address.empty()) return {location};
  const std::string directory = string_attribute(unit, DW_AT_comp_dir);
  Dwarf_Files* files = nullptr;
  size_t file_count = 0;
  dwarf_getsrcfiles(unit, &files, &file_count);
  for (Dwarf_Die& scope : Scopes::around(at_address.begin())) {
    const int tag = dwarf_tag(&scope);
    if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) continue;
    location.function = function_of(&scope);
    location.inlined = tag == DW_TAG_inlined_subroutine;
    chain.push_back(location);
    if (!location.inlined) break;
    location = {};
    const Dwarf_Word file = number_attribute(&scope, DW_AT_call_file);
    if (files && file < file_count)
      set_file(location, dwarf_filesrc(files, file, nullptr, nullptr), directory);
    location.line = static_cast<int>(number_attribute(&scope, DW_AT_call_line));
  }
  if (chain.empty()) chain.push_back(location);
  return chain;
}

// The compile unit of `address`, or null. clang writes no address table by default, so the units are asked
// one by one then.
Dwarf_Die* unit_at(Dwfl_Module* module, Dwarf_Addr address, Dwarf_Addr* bias) {
  if (Dwarf_Die* unit = dwfl_module_addrdie(module, address, bias)) return unit;
  Dwarf_Die* unit = nullptr;
  while ((unit = dwfl_module_nextcu(module, unit, bias)))
    if (dwarf_haspc(unit, address - *bias) > 0) return unit;
  return nullptr;
}

}  // namespace

void DebugInfo::CloseDwfl::operator()(Dwfl* dwfl) const {
  dwfl_end(dwfl);
}

DebugInfo::~DebugInfo() = default;

DebugInfo::DebugInfo(const std::string& path, const std::string& build_id) {
  if (open(path, build_id)) return;
  const std::string why = problem_;
  if (build_id.size() > 2 && open(debug_file_of(build_id), build_id)) return;
  problem_ = why;
}

bool DebugInfo::open(const std::string& file, const std::string& build_id) {
  static char* debug_path = nullptr;  // the default: next to the file, in .debug, under /usr/lib/debug
  static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_build_id_find_elf,
                                           .find_debuginfo = dwfl_standard_find_debuginfo,
                                           .section_address = dwfl_offline_section_address,
                                           .debuginfo_path = &debug_path};
  problem_.clear();
  module_ = nullptr;
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    problem_ = "is not there any more";
    return false;
  }
  dwfl_.reset(dwfl_begin(&callbacks));
  // Base 0 and the file's own addresses: ELF addresses are then libdwfl's addresses.
  module_ = dwfl_report_elf(dwfl_.get(), file.c_str(), file.c_str(), -1, 0, true);
  dwfl_report_end(dwfl_.get(), nullptr, nullptr);
  if (!module_) {
    problem_ = std::string("cannot be read: ") + dwfl_errmsg(-1);
    return false;
  }
  const unsigned char* id = nullptr;
  GElf_Addr id_address = 0;
  const int length = dwfl_module_build_id(module_, &id, &id_address);
  if (!build_id.empty() && length > 0 && hex(id, length) != build_id) {
    problem_ = "has changed since the run";
    module_ = nullptr;
    return false;
  }
  return true;
}

std::vector<SourceLocation> DebugInfo::locate(std::uint64_t offset) {
  if (!module_) return {};
  std::vector<SourceLocation> chain;
  Dwarf_Addr bias = 0;
  if (Dwarf_Die* unit = unit_at(module_, offset, &bias)) {
    SourceLocation location;
    if (Dwarf_Line* line = dwarf_getsrc_die(unit, offset - bias)) {
      set_file(location, dwarf_linesrc(line, nullptr, nullptr), string_attribute(unit, DW_AT_comp_dir));
      dwarf_lineno(line, &location.line);
    }
    chain = call_chain(unit, offset - bias, location);
  }
  if (chain.empty()) chain.emplace_back();
  if (chain.back().function.empty()) chain.back().function = function_symbol(offset);
  if (chain.size() == 1 && chain[0].function.empty() && chain[0].file.empty()) return {};
  return chain;
}

std::string DebugInfo::function_symbol(std::uint64_t offset) {
  GElf_Off distance = 0;
  GElf_Sym symbol{};
  const char* name = dwfl_module_addrinfo(module_, offset, &distance, &symbol, nullptr, nullptr, nullptr);
  if (!name) return "";
  const int type = GELF_ST_TYPE(symbol.st_info);
  if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) return "";
  return function_name(name);
}

std::string DebugInfo::object(std::uint64_t offset) {
  if (!module_) return "";
  if (!data_indexed_) index_data_symbols();
  auto after = std::upper_bound(data_symbols_.begin(), data_symbols_.end(), offset,
                                [](std::uint64_t wanted, const DataSymbol& s) { return wanted < s.start; });
  // Objects do not overlap but for aliases, so the last one that starts before is the only candidate.
  if (after == data_symbols_.begin()) return "";
  const DataSymbol& symbol = *--after;
  const std::uint64_t inside = offset - symbol.start;
  if (inside >= symbol.size) return "";
  const std::string name = object_name(symbol.name);
  if (inside == 0 && symbol.size <= kLargestLock) return name;
  if (!members_) members_ = std::make_unique<DataMembers>(module_);
  const std::string path = members_->path(symbol.start, inside);
  if (!path.empty() || inside == 0) return name + path;
  char distance[24];
  std::snprintf(distance, sizeof distance, "+0x%llx", static_cast<unsigned long long>(inside));
  return name + distance;
}

void DebugInfo::index_data_symbols() {
  data_indexed_ = true;
  const int count = dwfl_module_getsymtab(module_);
  for (int i = 1; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    GElf_Word section = 0;
    const char* name = dwfl_module_getsym_info(module_, i, &symbol, &address, &section, nullptr, nullptr);
    if (!name || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT || section == SHN_UNDEF || symbol.st_size == 0)
      continue;
    data_symbols_.push_back({address, symbol.st_size, name});
  }
  // Of aliases at one address the largest, then the first by name, is the one found: the same on every run.
  std::sort(data_symbols_.begin(), data_symbols_.end(), [](const DataSymbol& a, const DataSymbol& b) {
    if (a.start != b.start) return a.start < b.start;
    if (a.size != b.size) return a.size < b.size;
    return a.name > b.name;
  });
}

}  // namespace faultline
