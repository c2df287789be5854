// A busy program killed at any moment: its trace is readable, and has every order that was made before.
#include <doctest/doctest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "report.h"

using namespace faultline::e2e;

namespace {

constexpr int kRuns = 200;
constexpr int kAtOnce = 2;

using Pair = std::array<std::uint64_t, 2>;  // addresses: held, taken

// What testprogs/hostile/killed_at_work.cpp writes, for each of its threads.
struct Told {
  std::uint64_t count;
  Pair orders[8192];
};

Path traces_of(int run) {
  return work_dir() / ("traces-" + std::to_string(run));
}
Path told_by(int run) {
  return work_dir() / ("told-" + std::to_string(run));
}

// Whether the program has come to work.
bool is_at_work(int run) {
  std::uint64_t count = 0;
  std::ifstream in(told_by(run), std::ios::binary);
  return in.read(reinterpret_cast<char*>(&count), sizeof count) && count > 0;
}

// Starts the program and kills it after a while: counted from its start, or, every second time, from when it
// is at work.
void run_and_kill(int run, std::chrono::microseconds after) {
  std::string words[] = {program("hostile/killed_at_work"), told_by(run)};
  std::string settings[] = {"LD_PRELOAD=" FAULTLINE_PRELOAD,
                            "FAULTLINE_OPTIONS=faults=off:out=" + traces_of(run).string()};
  char* const argv[] = {words[0].data(), words[1].data(), nullptr};
  char* const environment[] = {settings[0].data(), settings[1].data(), nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, argv[0], nullptr, nullptr, argv, environment) != 0) return;
  while (run % 4 < 2 && !is_at_work(run)) std::this_thread::yield();
  std::this_thread::sleep_for(after);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

std::vector<Pair> orders_told(int run) {
  std::vector<Pair> orders;
  std::ifstream in(told_by(run), std::ios::binary);
  for (Told told; in.read(reinterpret_cast<char*>(&told), sizeof told);)
    orders.insert(orders.end(), told.orders, told.orders + told.count);
  return orders;
}

std::uint64_t address_of(const Json& lock) {
  return std::stoull(lock.at("addr").get<std::string>(), nullptr, 16);
}

// The orders in a trace, and how many of its records were being written when the process died.
std::set<Pair> orders_recorded(const Path& trace, int& torn) {
  std::set<Pair> orders;
  std::map<std::uint64_t, std::uint64_t> address;                         // of a lock
  std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> held;  // of a node: address, node below
  std::ifstream in(trace);
  for (std::string line; std::getline(in, line);) {
    line.erase(0, line.find_first_not_of('\0'));
    if (line.empty()) continue;
    const Json record = Json::parse(line, nullptr, false);
    if (record.is_discarded()) {
      ++torn;
    } else if (record.at("t") == "lock") {
      address[record.at("id")] = address_of(record);
    } else if (record.at("t") == "held") {
      held[record.at("id")] = {address.at(record.at("lock")), record.at("under")};
    } else if (record.at("t") == "dep") {
      for (std::uint64_t node = record.at("under"); node != 0; node = held.at(node).second)
        orders.insert({held.at(node).first, address.at(record.at("to"))});
    }
  }
  return orders;
}

}  // namespace

TEST_CASE("killed at 200 random moments: traces are readable and have every order made") {
  constexpr unsigned kSeed = 20261120;
  std::mt19937 random(kSeed);
  std::uniform_int_distribution<int> microseconds(0, 20'000);
  std::vector<std::chrono::microseconds> moments(kRuns);
  for (auto& moment : moments) moment = std::chrono::microseconds(microseconds(random));
  std::vector<std::thread> drivers;
  for (int driver = 0; driver < kAtOnce; ++driver)
    drivers.emplace_back([&moments, driver] {
      for (int run = driver; run < kRuns; run += kAtOnce)
        run_and_kill(run, moments[static_cast<std::size_t>(run)]);
    });
  for (std::thread& driver : drivers) driver.join();

  std::size_t killed_at_work = 0;
  for (int run = 0; run < kRuns; ++run) {
    CAPTURE(run);
    const std::vector<Pair> told = orders_told(run);
    const std::vector<Path> traces = traces_in(traces_of(run));
    REQUIRE(traces.size() <= 1);
    if (told.empty()) continue;  // it had not come to work
    ++killed_at_work;
    REQUIRE(traces.size() == 1);
    int torn = 0;
    const std::set<Pair> recorded = orders_recorded(traces[0], torn);
    CHECK(torn <= 2);  // at most one for each thread
    std::size_t missing = 0;
    for (const Pair& order : told) missing += !recorded.contains(order);
    CHECK(missing == 0);
    std::filesystem::rename(traces[0], work_dir() / (std::to_string(run) + ".jsonl"));
  }
  INFO(killed_at_work << " of " << kRuns << " were killed at work");
  CHECK(killed_at_work >= kRuns / 2);
  const Report report = analyze(work_dir());
  INFO(report.text);
  CHECK(report.status == 0);
  CHECK(report.summary().at("processes") == killed_at_work);
}
