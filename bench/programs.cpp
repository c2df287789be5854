#include "programs.h"

#include <fstream>

#include "memcached_load.h"

namespace faultline::bench {
namespace {

// Reads the input and writes data.
Command filter(std::vector<std::string> words, const Place& place, Size size) {
  return {.words = std::move(words),
          .input = size == Size::Full ? place.input : place.excerpt,
          .discard_output = true};
}

Command xz(const Place& place, Size size) {
  return filter({"xz", "-T2", "-3", "--block-size=1MiB", "-c"}, place, size);
}

Command pigz(const Place& place, Size size) {
  return filter({"pigz", "-p", "2", "-9", "-m", "-n", "-c"}, place, size);
}

Command sort(const Place& place, Size size) {
  return filter({"sort", "--parallel=2", "-S", "64M", "-k", "3"}, place, size);
}

// A socket of its own for each run: the load must not meet the one that the last server left.
Command memcached(const Place& place, Size size) {
  static int runs = 0;
  const std::string socket = place.scratch / ("memcached." + std::to_string(++runs));
  // A server runs for long: what its thousand item locks cost when they are first seen must not count for
  // more than it does there.
  const int batches = size == Size::Full ? 10'000 : 25;
  return {.words = {"memcached", "-t", "2", "-u", "root", "-s", socket},  // it refuses root unless told so
          .load = [=](pid_t pid) { return load_memcached(pid, socket, batches); }};
}

Command db_bench(const Place& place, Size size) {
  return {.words = {"db_bench", "--benchmarks=fillrandom,readrandom", "--threads=2", "--seed=1",
                    size == Size::Full ? "--num=100000" : "--num=1000",
                    "--db=" + (place.scratch / "db_bench").string()},
          .discard_output = true,
          .discard_errors = true};
}

// Templates keep a compiler's memory growing.
Command compiler(const Place& place, Size size) {
  const std::filesystem::path source = place.scratch / "source.cpp";
  std::ofstream text(source);
  text << "#include <iostream>\n#include <regex>\n#include <string>\n"
          "bool matches(const std::string& s) {\n"
          "  static const std::regex pattern(\"([a-z]+)[0-9]*\");\n"
          "  return std::regex_match(s, pattern);\n}\n"
          "int main(int argc, char** argv) { std::cout << (argc > 1 && matches(argv[1])); }\n";
  return {
      .words = {"g++", size == Size::Full ? "-O2" : "-O0", "-std=c++17", "-c", "-o", "/dev/null", source}};
}

// The system's own: one on the search path may be a script that starts others.
Command python(const Place&, Size size) {
  const std::string entries = size == Size::Full ? "60000" : "1000";
  return {.words = {"/usr/bin/python3", "-c",
                    "import json\n"
                    "text = json.dumps([{'id': i, 'name': str(i), 'tags': [i, i + 1]} for i in range(" +
                        entries +
                        ")])\n"
                        "for i in range(6): json.loads(text)"}};
}

template <int workers>
Command sqlite(const Place& place, Size size) {
  const long queries = (size == Size::Full ? 1'500'000 : 20'000) / workers;
  return {.words = {place.build / "sqlite_load", std::to_string(workers), std::to_string(queries)}};
}

constexpr Program kPrograms[] = {
    {"xz", 1.01, xz, nullptr},
    {"pigz", 1.01, pigz, nullptr},
    {"sort", 0, sort, nullptr},
    {"memcached", 1.02, memcached, nullptr},
    {"rocksdb", 1.02, db_bench, nullptr},
    {"sqlite-1-worker", 1.04, sqlite<1>, "sqlite_load_tsan"},
    {"sqlite-2-workers", 1.15, sqlite<2>, "sqlite_load_tsan"},
    {"g++", 0, compiler, nullptr, 1},
    {"python-json", 0, python, nullptr, 1},
};

}  // namespace

std::span<const Program> programs() {
  return kPrograms;
}

}  // namespace faultline::bench
