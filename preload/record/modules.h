// The loaded objects that recorded code lies in.
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

// Where `address` lies, in the trace's terms: writes the module's record if the trace lacks it.
CodeLocation locate(ThreadState& thread, std::uintptr_t address);

// The same without writing anything: unknown code where the trace lacks the module.
CodeLocation written_location(std::uintptr_t address);

}  // namespace faultline
