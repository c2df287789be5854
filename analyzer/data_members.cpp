#include "data_members.h"

#include <dwarf.h>

#include <cctype>
#include <optional>

namespace faultline {

namespace {

// The type of a variable or member without typedefs and qualifiers.
std::optional<Dwarf_Die> type_of(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (!dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attribute), &type)) return std::nullopt;
  Dwarf_Die peeled;
  if (dwarf_peel_type(&type, &peeled) != 0) return std::nullopt;
  return peeled;
}

std::uint64_t size_of(Dwarf_Die* type) {
  Dwarf_Word size = 0;
  return dwarf_aggregate_size(type, &size) == 0 ? size : 0;
}

// Identifiers C and C++ keep for the implementation: _Upper and __any.
bool is_reserved(const std::string& name) {
  return name.size() > 1 && name[0] == '_' &&
         (name[1] == '_' || std::isupper(static_cast<unsigned char>(name[1])));
}

struct Member {
  Dwarf_Die type;
  std::string name;  // empty for a base class and an unnamed struct or union
  std::uint64_t start = 0;
};

// The member of `aggregate` that holds byte `inside`.
std::optional<Member> member_at(Dwarf_Die* aggregate, std::uint64_t inside) {
  Dwarf_Die child;
  if (dwarf_child(aggregate, &child) != 0) return std::nullopt;
  do {
    const int tag = dwarf_tag(&child);
    if (tag != DW_TAG_member && tag != DW_TAG_inheritance) continue;
    Dwarf_Attribute attribute;
    Dwarf_Word start = 0;  // members of a union have no location
    if (dwarf_attr(&child, DW_AT_data_member_location, &attribute) &&
        dwarf_formudata(&attribute, &start) != 0)
      continue;
    if (dwarf_hasattr(&child, DW_AT_external)) continue;  // a static member: it is not in the object
    std::optional<Dwarf_Die> type = type_of(&child);
    if (!type || inside < start || inside - start >= size_of(&*type)) continue;
    const char* name = tag == DW_TAG_member ? dwarf_diename(&child) : nullptr;
    return Member{*type, name ? name : "", start};
  } while (dwarf_siblingof(&child, &child) == 0);
  return std::nullopt;
}

}  // namespace

std::string DataMembers::path(std::uint64_t address, std::uint64_t inside) {
  if (!indexed_) index();
  const auto variable = variables_.find(address);
  if (variable == variables_.end()) return "";
  std::string path;
  std::optional<Dwarf_Die> type = type_of(&variable->second);
  while (type) {
    const int tag = dwarf_tag(&*type);
    if (tag == DW_TAG_array_type) {
      type = type_of(&*type);
      const std::uint64_t element = type ? size_of(&*type) : 0;
      if (element == 0) break;
      inside %= element;
      path += "[]";
      continue;
    }
    if (tag != DW_TAG_structure_type && tag != DW_TAG_class_type && tag != DW_TAG_union_type) break;
    const std::optional<Member> member = member_at(&*type, inside);
    if (!member || is_reserved(member->name)) break;
    if (!member->name.empty()) path += "." + member->name;
    inside -= member->start;
    type = member->type;
  }
  return path;
}

void DataMembers::index() {
  indexed_ = true;
  Dwarf_Addr bias = 0;
  for (Dwarf_Die* unit = nullptr; (unit = dwfl_module_nextcu(module_, unit, &bias));) index_below(unit, bias);
}

void DataMembers::index_below(Dwarf_Die* die, Dwarf_Addr bias) {
  Dwarf_Die child;
  if (dwarf_child(die, &child) != 0) return;
  do {
    switch (dwarf_tag(&child)) {
      case DW_TAG_namespace:
      case DW_TAG_subprogram:
      case DW_TAG_lexical_block:
        index_below(&child, bias);
        break;
      case DW_TAG_variable: {
        Dwarf_Attribute attribute;
        Dwarf_Op* operations = nullptr;
        std::size_t count = 0;
        if (!dwarf_attr(&child, DW_AT_location, &attribute)) break;
        if (dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1) break;
        if (operations[0].atom == DW_OP_addr) variables_.emplace(operations[0].number + bias, child);
        break;
      }
      default:
        break;
    }
  } while (dwarf_siblingof(&child, &child) == 0);
}

}  // namespace faultline
