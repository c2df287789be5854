// `faultline analyze` and `gate` from outside: exit statuses, where reports go, and what is said when
// something is wrong.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "report_schema.h"
#include "workplace.h"

using namespace faultline;
namespace fs = std::filesystem;

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
  trace.replace(trace.find("\"dependencies\":5"), 16, "\"dependencies\":0");
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

TEST_CASE(
    "the gate does not pass a trace that was cut or was not watched, and passes a killed process's whole "
    "one") {
  const Workplace here;
  const std::string whole = text_of(kTrace);
  here.run("$F gate --baseline b --update --reason x " + std::string(kTrace));
  const auto gate_of = [&](const std::string& trace) {
    here.write("t.jsonl", trace);
    const Result result = here.run("$F gate --baseline b t.jsonl");
    if (result.status == 2) CHECK(here.run("$F gate --baseline b --allow-incomplete t.jsonl").status == 0);
    return result;
  };
  const std::size_t last_dependency = whole.rfind("{\"t\":\"dep\"");
  const std::size_t below = whole.find('\n', last_dependency) + 1;
  CHECK(gate_of(whole.substr(0, below)).status == 0);
  CHECK(gate_of(whole.substr(0, below) + std::string(5000, '\0')).status == 0);

  const Result at_line = gate_of(whole.substr(0, last_dependency));
  CHECK(at_line.status == 2);
  CHECK(contains(at_line.err, "t.jsonl: 5 dependencies were recorded, only 4 are in the file\n"));
  CHECK(contains(at_line.out, "only 4 are in the file"));
  const Result in_line = gate_of(whole.substr(0, last_dependency + 9));
  CHECK(in_line.status == 2);
  CHECK(contains(in_line.err, "the last line is cut off"));
  const Result torn = gate_of(whole.substr(0, below) + std::string(3, '\0') + "\"dep\"\n");
  CHECK(torn.status == 2);
  CHECK(contains(torn.err, "a record was torn"));
  const Result off = gate_of(
      whole + "{\"t\":\"source\",\"name\":\"preload\",\"state\":\"off\",\"why\":\"out of memory\"}\n");
  CHECK(off.status == 2);
  CHECK(contains(off.err, "t.jsonl: the preload library was off: out of memory\n"));
  here.run("mkdir two; cp t.jsonl two; : >two/u.jsonl");
  here.write("two/t.jsonl", whole);
  CHECK(here.run("$F gate --baseline b two").status == 2);
}

TEST_CASE("a report goes nowhere twice and over no input, by whichever name") {
  const Workplace here;
  const std::string trace = text_of(kTrace);
  here.write("t.jsonl", trace);
  here.run("mkdir sub; cp t.jsonl sub/u.jsonl; ln -s sub/u.jsonl link; ln -s nothing nowhere; : >b");
  const auto refused = [&](const std::string& options, const std::string& why) {
    for (const std::string command : {"$F analyze ", "$F gate --baseline b "}) {
      const Result result = here.run(command + options + " t.jsonl sub");
      CHECK(result.status == 2);
      CHECK(contains(result.err, why));
      CHECK(std::ranges::count(result.err, '\n') == 1);
      CHECK(result.out == "");
    }
    CHECK(text_of(here / "t.jsonl") == trace);
    CHECK(text_of(here / "sub/u.jsonl") == trace);
    CHECK_FALSE(fs::exists(here / "out"));
    CHECK_FALSE(fs::exists(here / "nothing"));
  };
  refused("--format=text:./out --format=json:out", "two reports would be mixed in out;");
  refused("--format=text:out --format=json:sub/../out", "two reports would be mixed in sub/../out;");
  refused("--format=text:nothing --format=json:nowhere", "two reports would be mixed in nowhere;");
  refused("--format=text:out --format=json --output ./out", "two reports would be mixed in ./out;");
  refused("--output t.jsonl", "t.jsonl: is one of the inputs");
  refused("--output ./sub/u.jsonl", "./sub/u.jsonl: is one of the inputs");
  refused("--format=json:link", "link: is one of the inputs");
  refused("--output missing/out", "missing/out: cannot be written: No such file or directory");
  refused("--output sub", "sub: cannot be written: Is a directory");
  CHECK(here.run("$F gate --baseline b --output ./b t.jsonl").status == 2);
  CHECK(text_of(here / "b") == "");
  CHECK(here.run("$F analyze --format=text:out --format=json:sub/out t.jsonl").status == 1);
  CHECK(here.run("$F analyze --format=text:out --format=json:/dev/null t.jsonl").status == 1);
  CHECK(here.run("$F analyze --format=json:nowhere t.jsonl").status == 1);
  CHECK(fs::exists(here / "nothing"));
}

TEST_CASE("only files and folders are read, each file once, and a link to nothing is said") {
  const Workplace here;
  const std::string trace = kTrace;
  here.run("mkdir d; cp " + trace +
           " d/a.jsonl; ln -s a.jsonl d/b.jsonl; ln -s missing d/c.jsonl; "
           "mkfifo fifo d/f.jsonl; mkdir d/sub.jsonl");
  const Result once = here.run("$F analyze --format=json d d/a.jsonl d ./d/b.jsonl");
  CHECK(once.status == 1);
  const nlohmann::json summary = nlohmann::json::parse(once.out)["summary"];
  CHECK(summary["processes"] == 1);
  CHECK(summary["warnings"][0] == "d/c.jsonl: a link to nothing; it is left out");
  CHECK(summary["warnings"][1] == "d/f.jsonl: not a file; it is left out");
  CHECK(std::ranges::count_if(summary["warnings"], [](const auto& warning) {
          return contains(warning.template get<std::string>(), "left out");
        }) == 2);
  CHECK(nlohmann::json::parse(here.run("cp d/a.jsonl e.jsonl; $F analyze --format=json d e.jsonl")
                                  .out)["summary"]["processes"] == 2);
  for (const std::string odd : {"fifo", "/dev/zero", "/dev/null"}) {
    const Result result = here.run("timeout 10 $F analyze " + odd);
    CHECK(result.status == 2);
    CHECK(result.err ==
          "faultline: " + odd + ": neither a file nor a folder; give a trace that faultline recorded\n");
    if (odd != "/dev/null") CHECK(here.run("timeout 10 $F gate --baseline " + odd + " d").status == 2);
  }
  // With no privilege to look past permissions.
  const Result closed = here.run(
      "chmod 755 .; mkdir -m 0 closed; cp \"$F\" f; setpriv --reuid=65534 --clear-groups ./f "
      "analyze closed");
  if (!contains(closed.err, "setpriv")) {
    CHECK(closed.status == 2);
    CHECK(closed.err == "faultline: closed: cannot be read: Permission denied\n");
  }
}
