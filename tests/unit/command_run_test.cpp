// `faultline run` from outside: what the program gets and gives, what is reported of it, and what is refused.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "report_schema.h"
#include "workplace.h"

using namespace faultline;
namespace fs = std::filesystem;

namespace {

// `faultline run` with the stand-in for the preload library.
std::string run_command(const std::string& rest, const std::string& trace = kTrace) {
  return "FAULTLINE_PRELOAD_LIBRARY='" FAULTLINE_FIXTURE_TRACE_COPIER "' TRACE_TO_COPY='" + trace +
         "' $F run " + rest;
}

}  // namespace

TEST_CASE("run gives the program's status, and 66 for findings where that is 0") {
  const Workplace here;
  CHECK(here.run(run_command("-- true")).status == 66);
  CHECK(here.run(run_command("--fail-on=never -- true")).status == 0);
  CHECK(here.run(run_command("-- sh -c 'exit 7'")).status == 7);
  CHECK(here.run(run_command("-- sh -c 'kill -9 $$'")).status == 128 + 9);
  CHECK(here.run(run_command("-- ./missing")).status == 127);
  CHECK(here.run(run_command("-- /")).status == 126);
}

TEST_CASE("the program gets its arguments to the letter") {
  const Workplace here;
  const Result result =
      here.run(run_command("--fail-on=never -- printf '<%s>\\n' x '[a,b]' y '' '[]' -- --help"));
  CHECK(result.out == "faults=auto\n<x>\n<[a,b]>\n<y>\n<>\n<[]>\n<-->\n<--help>\n");
  CHECK(result.status == 0);
}

TEST_CASE("run has deadlocks ended unless told otherwise") {
  const Workplace here;
  const std::string show = "--fail-on=never -- sh -c 'echo $FAULTLINE_OPTIONS'";
  CHECK(contains(here.run(run_command(show)).out, ":on_deadlock=kill\n"));
  CHECK(contains(here.run(run_command("--on-deadlock=report " + show)).out, ":on_deadlock=report\n"));
  CHECK(here.run(run_command("--on-deadlock=pray " + show)).status == 2);
}

TEST_CASE("run without -- or a program is bad usage, and says so") {
  const Workplace here;
  for (const std::string rest : {"", "--", "true", "-o d true", "--fail-on=never --"}) {
    const Result result = here.run(run_command(rest));
    CHECK(result.status == 2);
    CHECK(result.err ==
          "faultline: run: name the program after --, as in: faultline run [OPTIONS] -- ./program ARG...\n");
  }
  CHECK(here.run(run_command("true -- true")).status == 2);
  CHECK(here.run(run_command("--nonsense -- true")).status == 2);
  const Result help = here.run("$F run --help");
  CHECK(help.status == 0);
  CHECK(contains(help.out, "Usage: faultline run [OPTIONS] -- CMD [ARG]...\n"));
}

TEST_CASE("run finds bad usage before it runs the program") {
  const Workplace here;
  here.run("mkdir traces; cp " + std::string(kTrace) + " traces/old.jsonl; ln -s loop loop");
  for (const std::string options :
       {"--format=text --format=json", "--format=text:out --format=json:./out", "--output missing/out",
        "--output traces", "--format=json:traces/old.jsonl", "--gate missing", "--gate traces", "--gate loop",
        "--gate traces/old.jsonl", "--format=xml", "-o traces/old.jsonl"}) {
    const Result result = here.run(run_command("-o traces " + options + " -- touch ran"));
    CAPTURE(options);
    CHECK(result.status == 2);
    CHECK_FALSE(fs::exists(here / "ran"));
  }
  CHECK(text_of(here / "traces/old.jsonl") == text_of(kTrace));
  CHECK(here.run(run_command("-o traces --format=text:out --format=json:traces/out -- touch ran")).status ==
        66);
  CHECK(fs::exists(here / "ran"));
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
  CHECK(contains(result.err, "faultline: nothing was seen: true left no trace in "));
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

TEST_CASE("signals that come after the program's end cost no report and no status") {
  const Workplace here;
  // As timeout(1) does it, and more often: the program and its group.
  const Result result = here.run(
      run_command("--format=json:r.json -- sh -c 'echo ready >up; exec sleep 60'") +
      " & pid=$!; until [ -s up ]; do sleep 0.02; done; while kill -TERM $pid; do :; done 2>/dev/null; "
      "wait $pid");
  CHECK(result.status == 128 + 15);
  CHECK(faultline::schema_errors(nlohmann::json::parse(text_of(here / "r.json"))) == "");
  const Result twice =
      here.run("export FAULTLINE_PRELOAD_LIBRARY='" FAULTLINE_FIXTURE_TRACE_COPIER "' TRACE_TO_COPY='" +
               std::string(kTrace) + "'; timeout 0.5 $F run --format=json:s.json -- sleep 60");
  CHECK(twice.status == 124);
  CHECK(faultline::schema_errors(nlohmann::json::parse(text_of(here / "s.json"))) == "");
}
