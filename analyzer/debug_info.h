// What the file of one loaded module says of an offset in it: functions, inlined ones too, files and lines,
// and data symbols.
//
// Reads ELF and DWARF through libdw, offline: from the path the program ran from, else from a separate debug
// file found by build id. Offsets are ELF addresses (run-time address minus load bias) and are looked up as
// they are: a return address must have been moved back into its call instruction by whoever recorded it. One
// thread at a time. Cost: the first look-up opens and maps the files, later ones cost from 10 us to 1 ms (a
// compile unit's scopes are walked); Symbolizer keeps the results.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "source_names.h"

struct Dwfl;
struct Dwfl_Module;

namespace faultline {

class DataMembers;

class DebugInfo {
 public:
  // Opens the module's file. `build_id` (hex) is what the trace saw; where the file has another one it is not
  // used, as it would give wrong names with confidence. Never throws: what went wrong is in problem().
  DebugInfo(const std::string& path, const std::string& build_id);
  ~DebugInfo();
  DebugInfo(const DebugInfo&) = delete;
  DebugInfo& operator=(const DebugInfo&) = delete;

  // Why nothing can be looked up here, as the end of a sentence ("... has changed since the run"), or "".
  const std::string& problem() const { return problem_; }

  // The function at `offset` and those it was inlined into, innermost first; empty when nothing at all is
  // known.
  std::vector<SourceLocation> locate(std::uint64_t offset);

  // The data object that contains `offset`: "name", or "name+0x10" inside a larger one; "" when no symbol
  // covers it.
  std::string object(std::uint64_t offset);

 private:
  struct DataSymbol {
    std::uint64_t start;
    std::uint64_t size;
    std::string name;  // as in the symbol table
  };

  bool open(const std::string& file, const std::string& build_id);
  std::string function_symbol(std::uint64_t offset);
  void index_data_symbols();

  struct CloseDwfl {
    void operator()(Dwfl* dwfl) const;
  };
  std::unique_ptr<Dwfl, CloseDwfl> dwfl_;
  Dwfl_Module* module_ = nullptr;  // owned by dwfl_; null when problem_ is set
  std::string problem_;
  std::vector<DataSymbol> data_symbols_;  // sorted by start; filled on first use
  bool data_indexed_ = false;
  std::unique_ptr<DataMembers> members_;  // made on first use
};

}  // namespace faultline
