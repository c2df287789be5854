// Which member of a static object lies at an offset in it: "lock" of a struct, "[].lock" of an array of
// structs.
//
// From the DWARF of one module. The first question walks all variables of the module (in the order of 1 s per
// 100 MB of debug information), later ones cost nothing much. One thread at a time.
#pragma once

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdint>
#include <string>
#include <unordered_map>

namespace faultline {

class DataMembers {
 public:
  explicit DataMembers(Dwfl_Module* module) : module_(module) {}

  // The path from the variable at `address` (of libdwfl) to its byte `inside`: ".lock", "[].queue.lock", ""
  // for the variable itself and where nothing is known. It ends at members with names reserved to the
  // implementation, so that a std::mutex is one thing; elements of an array are one class of locks, so they
  // have no number.
  std::string path(std::uint64_t address, std::uint64_t inside);

 private:
  void index();
  void index_below(Dwarf_Die* die, Dwarf_Addr bias);

  Dwfl_Module* module_;
  bool indexed_ = false;
  std::unordered_map<std::uint64_t, Dwarf_Die> variables_;  // by address
};

}  // namespace faultline
