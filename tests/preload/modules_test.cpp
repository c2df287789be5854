// Which loaded object an address lies in.
#include "record/modules.h"

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <elf.h>
#include <sys/mman.h>

#include "recording.h"

using namespace faultline;

namespace {

int variable_of_program = 0;

std::uintptr_t address_of(const void* object) {
  return reinterpret_cast<std::uintptr_t>(object);
}

const void* in_libc() {
  // A function that no sanitizer answers in libc's place.
  return dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
}

}  // namespace

TEST_CASE("modules: code and data of the program, and a library, are found in their own object") {
  ModuleRange program;
  ModuleRange library;
  REQUIRE(find_module(address_of(&variable_of_program), program));
  REQUIRE(find_module(address_of(in_libc()), library));
  CHECK(std::string(program.name) == "");
  CHECK(std::string(library.name).find("libc.so") != std::string::npos);
  CHECK(program.start <= address_of(&variable_of_program));
  CHECK(address_of(&variable_of_program) < program.end);
  CHECK(library.start != program.start);
  CHECK(library.unwind_table != 0);
}

TEST_CASE("modules: the heap, the stack, a mapping and null are in none") {
  ModuleRange found;
  const int on_stack = 0;
  const auto on_heap = std::make_unique<int>(0);
  void* const mapping = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK_FALSE(find_module(address_of(&on_stack), found));
  CHECK_FALSE(find_module(address_of(on_heap.get()), found));
  CHECK_FALSE(find_module(address_of(mapping), found));
  CHECK_FALSE(find_module(0, found));
  munmap(mapping, 4096);
}

TEST_CASE("modules: program headers where there is an ELF header, none elsewhere") {
  ModuleRange library;
  REQUIRE(find_module(address_of(in_libc()), library));
  std::size_t count = 0;
  const ElfW(Phdr)* const headers = program_headers(library, count);
  REQUIRE(headers != nullptr);
  bool covers = false;
  for (std::size_t i = 0; i < count; ++i)
    covers = covers || (headers[i].p_type == PT_LOAD && (headers[i].p_flags & PF_X) != 0 &&
                        address_of(in_libc()) - library.base - headers[i].p_vaddr < headers[i].p_memsz);
  CHECK(covers);
  const char no_header[128] = {};
  ModuleRange none{};
  none.start = address_of(no_header);
  none.end = none.start + sizeof no_header;
  CHECK(program_headers(none, count) == nullptr);
  CHECK(count == 0);
}

TEST_CASE("modules: an object is written once, with its build id; its addresses are offsets from its base") {
  record_here();
  Guard guard;
  REQUIRE(guard);
  ModuleRange library;
  REQUIRE(find_module(address_of(in_libc()), library));
  const CodeLocation first = locate(guard.thread(), address_of(in_libc()));
  const CodeLocation second = locate(guard.thread(), address_of(in_libc()) + 1);
  CHECK(first.module.value != 0);
  CHECK(second.module == first.module);
  CHECK(first.offset == address_of(in_libc()) - library.base);
  CHECK(second.offset == first.offset + 1);
  CHECK(written_location(address_of(in_libc())).module == first.module);
  int written = 0;
  for (const Json& module : records("module")) {
    if (module.at("id") != first.module.value) continue;
    ++written;
    CHECK(module.at("path") == library.name);
    CHECK(module.at("build_id").get<std::string>().size() == 40);
  }
  CHECK(written == 1);
}

TEST_CASE("modules: code of no object is its address, and written for nobody") {
  record_here();
  Guard guard;
  REQUIRE(guard);
  const std::size_t before = records("module").size();
  const CodeLocation nowhere = locate(guard.thread(), 0x10);
  CHECK(nowhere.module.value == 0);
  CHECK(nowhere.offset == 0x10);
  CHECK(records("module").size() == before);
}
