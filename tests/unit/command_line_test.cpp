// The `faultline` command from outside: exit statuses, where reports go, and what is said when something is
// wrong.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "report_schema.h"

namespace {

namespace fs = std::filesystem;

constexpr char kTrace[] = FAULTLINE_GOLDEN "/inode_mmap.jsonl";  // one error, one warning

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Result {
  int status = 0;
  std::string out;
  std::string err;
};

// A folder of its own for each test, which is where the commands run.
class Workplace {
 public:
  Workplace() {
    std::string name = fs::temp_directory_path() / "faultline-test-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~Workplace() { fs::remove_all(folder_); }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  fs::path operator/(const std::string& name) const { return folder_ / name; }

  // Runs a shell command in which $F is `faultline`.
  Result run(const std::string& command) const {
    const std::string line = "cd " + folder_.string() + " && export F='" FAULTLINE_COMMAND "' && { " +
                             command + "; } >stdout 2>stderr";
    const int status = std::system(line.c_str());
    return {WEXITSTATUS(status), text_of(folder_ / "stdout"), text_of(folder_ / "stderr")};
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }

 private:
  fs::path folder_;
};

// `faultline run` with the stand-in for the preload library.
std::string run_command(const std::string& rest, const std::string& trace = kTrace) {
  return "FAULTLINE_PRELOAD_LIBRARY='" FAULTLINE_FIXTURE_TRACE_COPIER "' TRACE_TO_COPY='" + trace +
         "' $F run " + rest;
}

}  // namespace

TEST_CASE("the text report of a trace") {
  const Workplace here;
  const Result result = here.run("$F analyze --all " + std::string(kTrace));
  const std::string golden = FAULTLINE_GOLDEN "/inode_mmap.txt";
  if (std::getenv("FAULTLINE_UPDATE_GOLDEN")) std::ofstream(golden) << result.out;
  CHECK(result.out == text_of(golden));
  CHECK(result.err == "");
  CHECK(result.status == 1);
}

TEST_CASE("analyze fails from the level on that was asked for") {
  const Workplace here;
  const std::string trace = kTrace;
  CHECK(here.run("$F analyze " + trace).status == 1);
  CHECK(here.run("$F analyze --fail-on=warning " + trace).status == 1);
  CHECK(here.run("$F analyze --fail-on=never " + trace).status == 0);
}

TEST_CASE("reports go where they are sent") {
  const Workplace here;
  const std::string trace = kTrace;
  const Result both = here.run("$F analyze --format=text --format=json:r.json " + trace);
  CHECK(both.status == 1);
  CHECK(contains(both.out, "error: inode_lock -> mmap_lock -> inode_lock"));
  CHECK(faultline::schema_errors(nlohmann::json::parse(text_of(here / "r.json"))) == "");
  const Result output = here.run("$F analyze --format=json --output o.json " + trace);
  CHECK(output.out == "");
  CHECK(text_of(here / "o.json") == text_of(here / "r.json"));
  const Result mixed = here.run("$F analyze --format=text --format=json " + trace);
  CHECK(mixed.status == 2);
  CHECK(mixed.err ==
        "faultline: two reports would be mixed in one output; give each its own file: --format=json:FILE\n");
  CHECK(here.run("$F analyze --format=json:missing/r.json " + trace).status == 2);
}

TEST_CASE("bad usage and bad input give 2 and one clear line") {
  const Workplace here;
  CHECK(here.run("$F").status == 2);
  CHECK(here.run("$F analyze").status == 2);
  CHECK(here.run("$F analyze --nonsense x").status == 2);
  CHECK(here.run("$F analyze --format=xml x").status == 2);
  CHECK(here.run("$F analyze --fail-on=fatal x").status == 2);
  CHECK(here.run("$F run").status == 2);
  CHECK(here.run("$F --help").status == 0);
  CHECK(here.run("$F --version").out == "faultline " FAULTLINE_VERSION "\n");
  const Result missing = here.run("$F analyze missing.jsonl");
  CHECK(missing.status == 2);
  CHECK(missing.err == "faultline: missing.jsonl: no such file or folder\n");
  here.write("broken.jsonl", text_of(kTrace).replace(0, 1, "?"));
  const Result broken = here.run("$F analyze broken.jsonl");
  CHECK(broken.status == 2);
  CHECK(broken.err.starts_with("faultline: broken.jsonl:1: "));
  CHECK(broken.out == "");
}

TEST_CASE("a new finding fails the gate, an accepted one passes, and its reason stays") {
  const Workplace here;
  const std::string trace = kTrace;
  here.write("b", "");
  const Result fresh = here.run("$F gate --baseline b " + trace);
  CHECK(fresh.status == 1);
  CHECK(contains(fresh.out, "lock-order, feasible, new:"));
  CHECK(contains(fresh.err, "1 new (at or above error)"));
  CHECK(text_of(here / "b") == "");
  CHECK(here.run("$F gate --baseline b --update --reason 'seen on Monday' " + trace).status == 0);
  const std::string accepted = text_of(here / "b");
  CHECK(contains(accepted, "title = inode_lock -> mmap_lock -> inode_lock\n"));
  CHECK(contains(accepted, "reason = seen on Monday\n"));
  const Result known = here.run("$F gate --baseline b " + trace);
  CHECK(known.status == 0);
  CHECK(contains(known.out, "Known: "));
  // The warning was not accepted with the error.
  CHECK(here.run("$F gate --baseline b --fail-on=warning " + trace).status == 1);
  CHECK(here.run("$F gate --baseline b --fail-on=warning --update --reason 'on Tuesday' " + trace).status ==
        0);
  CHECK(contains(text_of(here / "b"), "reason = seen on Monday\n"));
  CHECK(here.run("$F gate --baseline b --fail-on=warning " + trace).status == 0);
}

TEST_CASE("a gate without its baseline is an error; an update makes it") {
  const Workplace here;
  const std::string trace = kTrace;
  CHECK(here.run("$F gate --baseline b " + trace).status == 2);
  CHECK_FALSE(fs::exists(here / "b"));
  CHECK(here.run("$F gate --baseline b --update " + trace).status == 2);
  CHECK(here.run("$F gate --baseline b --reason x " + trace).status == 2);
  CHECK(here.run("$F gate --baseline b --update --reason ' ' " + trace).status == 2);
  CHECK(here.run("$F gate --baseline b --update --fail-on=never --reason x " + trace).status == 2);
  CHECK_FALSE(fs::exists(here / "b"));
  CHECK(here.run("$F gate --baseline b --update --reason x " + trace).status == 0);
  CHECK(here.run("$F gate --baseline b " + trace).status == 0);
}

TEST_CASE("the gate does not pass what was not recorded") {
  const Workplace here;
  here.write("b", "");
  std::string trace = text_of(kTrace);
  const std::string head = trace.substr(0, trace.find("{\"t\":\"source\""));
  std::string blind = head;
  blind.replace(blind.find("\"locks\":9"), 9, "\"locks\":0");
  here.write("blind.jsonl", blind);
  const Result nothing = here.run("$F gate --baseline b blind.jsonl");
  CHECK(nothing.status == 2);
  CHECK(contains(nothing.err, "no lock was seen"));
  CHECK(here.run("$F gate --baseline b --allow-incomplete blind.jsonl").status == 0);
  std::string lossy = head;
  lossy.replace(lossy.find("\"held\":0"), 8, "\"held\":3");
  here.write("lossy.jsonl", lossy);
  const Result lost = here.run("$F gate --baseline b lossy.jsonl");
  CHECK(lost.status == 2);
  CHECK(contains(lost.err, "3 records were lost (held)"));
  CHECK(here.run("$F gate --baseline b --allow-incomplete lossy.jsonl").status == 0);
  here.write("clean.jsonl", head);
  CHECK(here.run("$F gate --baseline b clean.jsonl").status == 0);
  CHECK(here.run("mkdir empty; $F gate --baseline b empty").status == 2);
}

TEST_CASE("run gives the program's status, and 66 for findings where that is 0") {
  const Workplace here;
  CHECK(here.run(run_command("-- true")).status == 66);
  CHECK(here.run(run_command("--fail-on=never -- true")).status == 0);
  CHECK(here.run(run_command("-- sh -c 'exit 7'")).status == 7);
  CHECK(here.run(run_command("-- sh -c 'kill -9 $$'")).status == 128 + 9);
  CHECK(here.run(run_command("-- ./missing")).status == 127);
  CHECK(here.run(run_command("-- /")).status == 126);
}

TEST_CASE("run judges the traces of its own run only and prints on standard error") {
  const Workplace here;
  const Result result = here.run(run_command("-o traces --faults=off -- echo -- -o --all"));
  CHECK(result.out == "faults=off\n-- -o --all\n");
  CHECK(contains(result.err, "error: inode_lock -> mmap_lock -> inode_lock"));
  CHECK(contains(result.err, "Seen: 1 process,"));
  const Result again = here.run(run_command("-o traces --format=json:r.json -- true"));
  CHECK(again.status == 66);
  CHECK(nlohmann::json::parse(text_of(here / "r.json"))["summary"]["processes"] == 1);
}

TEST_CASE("what lies in the folder besides the run's own traces does not cost the run its report") {
  const Workplace here;
  const Result result =
      here.run("mkdir traces; echo rubbish >traces/old.jsonl; " + run_command("-o traces -- true"));
  CHECK(result.status == 66);
  CHECK(contains(result.err, "error: inode_lock -> mmap_lock -> inode_lock"));
  CHECK(contains(result.err, "traces/old.jsonl:1: "));
  CHECK(here.run("$F analyze traces").status == 2);
}

TEST_CASE("run with a gate passes on known findings and on nothing that was not recorded") {
  const Workplace here;
  here.write("b", "");
  CHECK(here.run(run_command("--gate b -- true")).status == 66);
  here.run("$F gate --baseline b --update --reason x " + std::string(kTrace));
  CHECK(here.run(run_command("--gate b -- true")).status == 0);
  CHECK(here.run(run_command("--gate b -- false")).status == 1);
  CHECK(here.run(run_command("--gate missing -- true")).status == 2);
  const Result nothing = here.run(run_command("--gate b -o none -- true", "/dev/null"));
  CHECK(nothing.status == 66);
}

TEST_CASE("a program that leaves no trace is named, its status stays") {
  const Workplace here;
  const Result result =
      here.run("FAULTLINE_PRELOAD_LIBRARY='" FAULTLINE_FIXTURE_TRACE_COPIER "' $F run -- true");
  CHECK(result.status == 0);
  CHECK(contains(result.err, "faultline: true left no trace in "));
}

TEST_CASE("run keeps what the user preloads and sets, and refuses what cannot be expressed") {
  const Workplace here;
  const Result result = here.run(
      "LD_PRELOAD=libm.so.6 FAULTLINE_OPTIONS=verbosity=1 "
      "FAULTLINE_PRELOAD_LIBRARY='" FAULTLINE_FIXTURE_TRACE_COPIER
      "' $F run -o traces -- sh -c 'echo $LD_PRELOAD $FAULTLINE_OPTIONS'");
  CHECK(result.out.starts_with(
      FAULTLINE_FIXTURE_TRACE_COPIER ":libm.so.6 verbosity=1:out=" + (here / "traces").string() + ":run="));
  CHECK(here.run(run_command("-o a:b -- true")).status == 2);
  CHECK(here.run("FAULTLINE_PRELOAD_LIBRARY=/nonexistent.so $F run -- true").status == 2);
}

TEST_CASE("a signal to run reaches the program, and run still reports") {
  const Workplace here;
  const Result result =
      here.run(run_command("-- sh -c 'echo ready >up; exec sleep 60'") +
               " & pid=$!; until [ -s up ]; do sleep 0.02; done; kill -TERM $pid; wait $pid");
  CHECK(result.status == 128 + 15);
  CHECK(contains(result.err, "Findings: "));
}
