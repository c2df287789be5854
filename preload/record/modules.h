// The loaded objects that recorded code lies in, by number: one that is unloaded keeps its number, what is
// loaded in its place gets another.
//
// Asked through `_dl_find_object` (glibc 2.35), which takes no lock and is async-signal-safe: never through
// dl_iterate_phdr, whose lock another thread may hold while it waits for one of the program's. Any thread.
#pragma once

#include <link.h>

#include "ids.h"
#include "record/thread_state.h"

namespace faultline {

struct ModuleRange {
  std::uintptr_t base;   // load bias
  std::uintptr_t start;  // of the mapping, where the ELF header lies
  std::uintptr_t end;
  const char* name;             // as the loader knows it; empty for the main program
  std::uintptr_t unwind_table;  // PT_GNU_EH_FRAME, 0 if none
};

// The object that contains `address`; false if none does (generated code) or this libc cannot tell.
bool find_module(std::uintptr_t address, ModuleRange& found);

// Its program headers, as they lie in memory. Null if the mapping does not start with an ELF header.
const ElfW(Phdr) * program_headers(const ModuleRange& module, std::size_t& count);

struct CodeLocation {
  ModuleId module;        // 0: unknown code
  std::uintptr_t offset;  // from the module's base; the address itself for unknown code
};

// Numbers of the objects that hold addresses now, to be asked while these cannot go: the code is running.
// Remembers the last answer, as neighbours on a stack mostly lie in one object. Cost: some 0.1 us for each
// change of object.
class ModuleLookup {
 public:
  ModuleId of(std::uintptr_t address);  // 0: unknown code

 private:
  ModuleRange last_{};
  ModuleId id_;
};

// How often a module has been numbered that lies where another one was: what is known by address of code seen
// before may be wrong since.
std::uint32_t code_replacements();

// Makes sure that the trace defines the module. Returns it, or ModuleId{} where it could not be written.
ModuleId written_module(ThreadState& thread, ModuleId id);

// `address` in the terms of the module that held it.
CodeLocation location_in(ModuleId id, std::uintptr_t address);

// Where `address` lies at present: writes the module's record if the trace lacks it.
CodeLocation locate(ThreadState& thread, std::uintptr_t address);

}  // namespace faultline
