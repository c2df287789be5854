// The crash-safe writer: what it appends is in the file, whole, in any number of threads and across its
// segments.
#include "trace_writer.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

using faultline::Lost;
using faultline::TraceWriter;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kHeader = R"({"t":"trace"})";

// A folder of its own, gone with the test.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("faultline-writer-" + std::to_string(getpid()));
  Folder() { fs::remove_all(path); }
  ~Folder() { fs::remove_all(path); }
};

// Zero-initialised in memory of its own, as the shim's is.
std::unique_ptr<TraceWriter> make_writer() {
  return std::make_unique<TraceWriter>();
}

// The records of the file; fails the test on a line that is not one. NUL bytes are what the writer has not
// reached.
std::vector<Json> records(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<Json> result;
  for (std::string line; std::getline(in, line);) {
    std::erase(line, '\0');
    if (!line.empty()) result.push_back(Json::parse(line));
  }
  return result;
}

std::string numbered(int thread, int i) {
  return R"({"t":"x","thread":)" + std::to_string(thread) + R"(,"i":)" + std::to_string(i) + "}";
}

}  // namespace

TEST_CASE("trace writer: header and stats come first, the stats line is brought up to date in place") {
  const Folder folder;
  const auto writer = make_writer();
  REQUIRE(writer->create((folder.path / "made" / "on demand").string(), "prog", 42, kHeader));
  CHECK(fs::path(writer->path()).filename() == "prog.42.jsonl");
  writer->stats.locks = 123456;
  writer->lose(Lost::Stacks);
  writer->refresh_stats();
  const std::vector<Json> all = records(writer->path());
  REQUIRE(all.size() == 2);
  CHECK(all[0].at("t") == "trace");
  CHECK(all[1].at("t") == "stats");
  CHECK(all[1].at("locks") == 123456);
  CHECK(all[1].at("lost").at("stacks") == 1);
  CHECK(all[1].at("lost").at("trace_full") == 0);
}

TEST_CASE("trace writer: a header of any length leaves the stats line whole") {
  // The first segment is one page: somewhere here only the header fits into it, then not even that.
  for (std::size_t length = 3000; length < 6000; length += 50) {
    CAPTURE(length);
    const Folder folder;
    const auto writer = make_writer();
    const std::string header = R"({"t":"trace","exe":")" + std::string(length, 'e') + "\"}";
    REQUIRE(writer->create(folder.path.string(), "prog", 1, header));
    writer->stats.locks = 7;
    writer->refresh_stats();
    const std::vector<Json> all = records(writer->path());
    REQUIRE(all.size() == 2);
    CHECK(all[0].at("exe").get<std::string>().size() == length);
    CHECK(all[1].at("locks") == 7);
  }
}

TEST_CASE("trace writer: the first loss shows at once") {
  const Folder folder;
  const auto writer = make_writer();
  REQUIRE(writer->create(folder.path.string(), "prog", 1, kHeader));
  writer->lose(Lost::Foreign);
  CHECK(records(writer->path())[1].at("lost").at("foreign") == 1);
}

TEST_CASE("trace writer: a file that exists is left alone") {
  const Folder folder;
  const auto first = make_writer();
  const auto second = make_writer();
  REQUIRE(first->create(folder.path.string(), "prog", 7, kHeader));
  REQUIRE(second->create(folder.path.string(), "prog", 7, kHeader));
  CHECK(fs::path(second->path()).filename() == "prog.7.2.jsonl");
}

TEST_CASE("trace writer: four threads, many segments, every line whole and there once") {
  constexpr int kThreads = 4;
  constexpr int kLines = 20000;
  const Folder folder;
  const auto writer = make_writer();
  REQUIRE(writer->create(folder.path.string(), "prog", 1, kHeader));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&writer, t] {
      for (int i = 0; i < kLines; ++i) writer->append(numbered(t, i));
    });
  for (std::thread& thread : threads) thread.join();
  writer->trim();
  std::set<std::pair<int, int>> seen;
  for (const Json& record : records(writer->path()))
    if (record.at("t") == "x") CHECK(seen.emplace(record.at("thread"), record.at("i")).second);
  CHECK(seen.size() == kThreads * kLines);
  CHECK(writer->stats.lost[static_cast<int>(Lost::TraceFull)] == 0);
}

TEST_CASE("trace writer: after trim the file ends with its last line, and a later line still arrives") {
  const Folder folder;
  const auto writer = make_writer();
  REQUIRE(writer->create(folder.path.string(), "prog", 1, kHeader));
  writer->append(numbered(0, 1));
  writer->trim();
  std::ifstream in(writer->path(), std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  CHECK(text.find('\0') == std::string::npos);
  CHECK(text.back() == '\n');
  CHECK(writer->append(numbered(0, 2)));
  CHECK(records(writer->path()).back().at("i") == 2);
}

TEST_CASE("trace writer: a size limit of the process costs records, counted, and no signal") {
  const Folder folder;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit limit{32 << 10, 32 << 10};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto writer = make_writer();
    bool ok = writer->create(folder.path.string(), "prog", 1, kHeader);
    int written = 0;
    for (int i = 0; i < 10000; ++i) written += writer->append(numbered(0, i));
    ok = ok && written > 0 && written < 10000 && writer->is_full() &&
         writer->stats.lost[static_cast<int>(Lost::TraceFull)] == static_cast<std::uint64_t>(10000 - written);
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("trace writer: a process killed at any moment leaves whole lines, in order") {
  for (int attempt = 0; attempt < 20; ++attempt) {
    const Folder folder;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const auto writer = make_writer();
      writer->create(folder.path.string(), "prog", 1, kHeader);
      for (int i = 0;; ++i) writer->append(numbered(0, i));
    }
    const fs::path file = folder.path / "prog.1.jsonl";
    while (!fs::exists(file)) usleep(100);
    usleep(static_cast<useconds_t>(500 + attempt * 700));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    int next = 0;
    std::ifstream in(file, std::ios::binary);
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with('\0')) line.erase(0, line.find_first_not_of('\0'));
      // Only the very last line may be torn: its first byte is stored last.
      if (line.empty() || line[0] != '{') break;
      const Json record = Json::parse(line);
      if (record.at("t") == "x") CHECK(record.at("i") == next++);
    }
    INFO("lines: " << next);
  }
}
