// Offsets to functions, lines and data objects, against a program that prints its own addresses.
#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "debug_info.h"
#include "demangle.h"
#include "symbolizer.h"

using namespace faultline;

namespace {

constexpr char kProgram[] = FAULTLINE_FIXTURE_INLINED_LOCKS;
constexpr char kStripped[] = FAULTLINE_FIXTURE_INLINED_LOCKS ".stripped";
constexpr char kWithoutAddressTable[] = FAULTLINE_FIXTURE_INLINED_LOCKS ".no-aranges";
constexpr char kSymbolsOnly[] = FAULTLINE_FIXTURE_INLINED_LOCKS ".symbols-only";
constexpr char kSource[] = FAULTLINE_FIXTURES "/inlined_locks.cpp";

// What the program printed: offset by name. The twins are copies, so their offsets are the same.
const std::map<std::string, std::uint64_t>& offsets() {
  static const std::map<std::string, std::uint64_t> known = [] {
    std::map<std::string, std::uint64_t> result;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(popen(kProgram, "r"), pclose);
    REQUIRE(output);
    char name[32];
    unsigned long offset = 0;
    while (std::fscanf(output.get(), "%31s %lx", name, &offset) == 2) result[name] = offset;
    return result;
  }();
  return known;
}

int marked_line(const std::string& mark) {
  std::ifstream source(kSource);
  int number = 0;
  for (std::string line; std::getline(source, line);) {
    ++number;
    if (line.ends_with("// MARK " + mark)) return number;
  }
  FAIL("no such mark");
  return 0;
}

Model model_of(const std::string& path, const std::string& build_id) {
  Model model;
  Module module;
  module.path = path;
  module.build_id = build_id;
  model.modules.add(module);
  return model;
}

Frame frame_at(const std::string& name) {
  return {ModuleId{1}, offsets().at(name)};
}

}  // namespace

TEST_CASE("a call site inside an inlined function gives both functions, each with its own line") {
  for (const char* file : {kProgram, kWithoutAddressTable}) {
    CAPTURE(file);
    DebugInfo info(file, "");
    REQUIRE(info.problem() == "");
    const std::vector<SourceLocation> chain = info.locate(offsets().at("inlined"));
    REQUIRE(chain.size() == 2);
    CHECK(chain[0].function == "cache::lock_page<int>");
    CHECK(chain[0].inlined);
    CHECK(chain[0].line == marked_line("innermost"));
    CHECK(chain[0].path == kSource);
    CHECK(chain[1].function == "cache::write_page");
    CHECK_FALSE(chain[1].inlined);
    CHECK(chain[1].line == marked_line("caller"));
    CHECK(chain[1].path == kSource);
  }
}

TEST_CASE("a call site in a function of its own gives that function only") {
  DebugInfo info(kProgram, "");
  const std::vector<SourceLocation> chain = info.locate(offsets().at("plain"));
  REQUIRE(chain.size() == 1);
  CHECK(chain[0].function == "cache::plain");
  CHECK(chain[0].line == marked_line("plain"));
}

TEST_CASE("a lambda inlined into main is named after main") {
  DebugInfo info(kProgram, "");
  const std::vector<SourceLocation> chain = info.locate(offsets().at("lambda"));
  REQUIRE(chain.size() == 2);
  CHECK(chain[0].function == "main::{lambda}::operator()");
  CHECK(chain[0].line == marked_line("lambda"));
  CHECK(chain[1].function == "main");
}

TEST_CASE("data: a global, a function's static, a member, an array's member, and nothing behind the object") {
  DebugInfo info(kProgram, "");
  CHECK(info.object(offsets().at("global")) == "cache::table_lock");
  CHECK(info.object(offsets().at("local")) == "cache::with_local_lock()::local_lock");
  CHECK(info.object(offsets().at("member")) == "cache::registry.lock");
  CHECK(info.object(offsets().at("first")) == "cache::pair.first");
  CHECK(info.object(offsets().at("second")) == "cache::pair.second");
  CHECK(info.object(offsets().at("element")) == "cache::shards[].lock");
  CHECK_FALSE(info.object(offsets().at("behind")).starts_with("cache::registry"));
}

TEST_CASE("data: without debug information a member goes by its distance") {
  DebugInfo info(kSymbolsOnly, "");
  CHECK(info.object(offsets().at("global")) == "cache::table_lock");
  CHECK(info.object(offsets().at("member")) == "cache::registry+0x8");
  CHECK(info.object(offsets().at("first")) == "cache::pair");
}

TEST_CASE("code: without debug information a function goes by its symbol") {
  DebugInfo info(kSymbolsOnly, "");
  const std::vector<SourceLocation> chain = info.locate(offsets().at("inlined"));
  REQUIRE(chain.size() == 1);
  CHECK(chain[0].function == "cache::write_page");
  CHECK(chain[0].file == "");
  CHECK(chain[0].line == 0);
}

TEST_CASE("a stripped twin gives no names and no error") {
  DebugInfo info(kStripped, "");
  CHECK(info.problem() == "");
  CHECK(info.locate(offsets().at("inlined")).empty());
  CHECK(info.object(offsets().at("global")) == "");
}

TEST_CASE("a file with another build id than the trace saw is not used, and is named") {
  const Model model = model_of(kProgram, "00112233445566778899aabbccddeeff00112233");
  const Symbolizer symbolizer(model);
  CHECK(symbolizer.locate(frame_at("plain")).empty());
  CHECK(symbolizer.functions(frame_at("plain")).empty());
  REQUIRE(symbolizer.problems().size() == 1);
  CHECK(symbolizer.problems()[0] ==
        std::string("no symbols for ") + kProgram + ": the file has changed since the run");
}

TEST_CASE("the symbolizer answers by module, and knows nothing of code in no module") {
  const Model model = model_of(kProgram, "");
  const Symbolizer symbolizer(model);
  CHECK(symbolizer.functions(frame_at("inlined")) ==
        std::vector<std::string>{"cache::lock_page<int>", "cache::write_page"});
  CHECK(symbolizer.object(frame_at("global")) == "cache::table_lock");
  CHECK(symbolizer.locate({ModuleId{}, 0x7f0000001000}).empty());
  CHECK(symbolizer.problems().empty());
}

TEST_CASE("a file that is gone or is no ELF file degrades to nothing, with the reason") {
  DebugInfo gone("/nonexistent/program", "");
  CHECK(gone.problem() == "is not there any more");
  CHECK(gone.locate(0x1000).empty());
  CHECK(gone.object(0x1000) == "");
  DebugInfo text(kSource, "");
  CHECK(text.problem().starts_with("cannot be read"));
  CHECK(text.locate(0x1000).empty());
}

TEST_CASE("names lose parameters, versions and the compiler's suffixes, and keep what tells them apart") {
  CHECK(function_name("_ZN5cache4openERKSs") == "cache::open");
  CHECK(function_name("_Z3addIiEvT_") == "add<int>");
  CHECK(function_name("_ZN5cache4openEv.cold") == "cache::open");
  CHECK(function_name("ext4_write.part.0") == "ext4_write");
  CHECK(function_name("pthread_cond_wait@@GLIBC_2.3.2") == "pthread_cond_wait");
  CHECK(function_name("main") == "main");
  CHECK(object_name("_ZZN5cache4openEvE4lock") == "cache::open()::lock");
  CHECK(object_name("lock.0") == "lock.0");
}
