// FAULTLINE_OPTIONS: what each key sets, and that each mistake is told once and changes nothing.
#include "options.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "recording.h"

using namespace faultline;

namespace {

// The options that a test changes are the process's.
class KeptOptions {
 public:
  ~KeptOptions() { options = kept_; }

 private:
  Options kept_ = options;
};

std::string said_about(const std::string& text) {
  return standard_error_of([&] { read_options(text.c_str()); });
}

long lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

// Everything that has a value, to be compared.
std::string all_values() {
  return std::string(options.out) + '|' + options.run + '|' +
         std::to_string(static_cast<int>(options.faults)) + '|' + std::to_string(options.storm_budget) + '|' +
         std::to_string(options.verbosity) + '|' + std::to_string(options.stacks) + '|' +
         std::to_string(options.enabled);
}

void check_refused(const std::string& text, const std::string& why) {
  CAPTURE(text);
  const std::string before = all_values();
  const std::string said = said_about(text);
  CAPTURE(said);
  CHECK(lines(said) == 1);
  CHECK(said.starts_with("faultline: FAULTLINE_OPTIONS: " + why));
  CHECK(said.find("help=1") != std::string::npos);
  CHECK(all_values() == before);
}

}  // namespace

TEST_CASE("options: every key sets its value, without a word") {
  const KeptOptions kept;
  CHECK(said_about("out=/tmp/traces:run=r-17:faults=uffd:storm_budget=17:stacks=0:enabled=0:verbosity=1") ==
        "");
  CHECK(options.out == std::string_view("/tmp/traces"));
  CHECK(options.run == std::string_view("r-17"));
  CHECK(options.faults == Faults::Uffd);
  CHECK(options.storm_budget == 17);
  CHECK_FALSE(options.stacks);
  CHECK_FALSE(options.enabled);
  CHECK(options.verbosity == 1);
  CHECK(said_about("stacks=1:enabled=1:verbosity=0") == "");
  CHECK(options.stacks);
  CHECK(options.enabled);
  CHECK(options.verbosity == 0);
}

TEST_CASE("options: each way to watch page faults") {
  const KeptOptions kept;
  const std::pair<const char*, Faults> ways[] = {
      {"auto", Faults::Auto}, {"perf", Faults::Perf}, {"uffd", Faults::Uffd}, {"off", Faults::Off}};
  for (const auto& [word, value] : ways) {
    CHECK(said_about(std::string("faults=") + word) == "");
    CHECK(options.faults == value);
  }
}

TEST_CASE("options: no text, no items, empty items: nothing changes") {
  const KeptOptions kept;
  said_about("out=/tmp");
  const std::string before = all_values();
  read_options(nullptr);
  CHECK(said_about("") == "");
  CHECK(said_about(":") == "");
  CHECK(said_about("::::") == "");
  CHECK(all_values() == before);
}

TEST_CASE("options: the last of two counts; empty items between others do no harm") {
  const KeptOptions kept;
  CHECK(said_about(":run=a::run=b:") == "");
  CHECK(options.run == std::string_view("b"));
}

TEST_CASE("options: bad values are told and change nothing") {
  const KeptOptions kept;
  said_about("out=/tmp");
  for (const char* text : {"faults=", "faults=maybe", "faults=AUTO", "stacks=2", "stacks=", "enabled=yes",
                           "enabled=00", "verbosity=9", "verbosity=-1", "out=", "run=", "help=2"})
    check_refused(text, "bad value in '" + std::string(text) + "'");
}

TEST_CASE("options: what is no option, or has no value, is told") {
  const KeptOptions kept;
  said_about("out=/tmp");
  check_refused("stack=0", "no such option: 'stack=0'");
  check_refused("=1", "no such option: '=1'");
  check_refused("OUT=/tmp", "no such option: 'OUT=/tmp'");
  check_refused("enabled", "no '=' in 'enabled'");
}

TEST_CASE("options: one mistake does not spoil its neighbours") {
  const KeptOptions kept;
  CHECK(lines(said_about("run=left:colour=red:stacks=0")) == 1);
  CHECK(options.run == std::string_view("left"));
  CHECK_FALSE(options.stacks);
}

TEST_CASE("options: values as long as there is room for, and one byte longer") {
  const KeptOptions kept;
  const std::string fits(sizeof options.run - 1, 'r');
  CHECK(said_about("run=" + fits) == "");
  CHECK(options.run == fits);
  check_refused("run=" + fits + "r", "bad value in 'run=" + fits + "r'");
  const std::string long_path = "/" + std::string(sizeof options.out - 2, 'd');
  CHECK(said_about("out=" + long_path) == "");
  CHECK(options.out == long_path);
  // What is shown of it is cut short.
  check_refused("out=" + long_path + "d", "bad value in 'out=/ddd");
}

TEST_CASE("options: a relative folder is made absolute, once") {
  const KeptOptions kept;
  const std::string here = std::filesystem::current_path();
  CHECK(said_about("out=some/where") == "");
  CHECK(options.out == here + "/some/where");
  CHECK(said_about("") == "");
  CHECK(options.out == here + "/some/where");
}

TEST_CASE("options: help lists every key, one line each, and 0 lists none") {
  const KeptOptions kept;
  CHECK(said_about("help=0") == "");
  const std::string help = said_about("help=1");
  CAPTURE(help);
  for (const char* name : {"out", "run", "faults", "stacks", "enabled", "verbosity", "help"})
    CHECK(help.find("faultline:   " + std::string(name) + "  ") != std::string::npos);
  CHECK(lines(help) >= 8);
}
