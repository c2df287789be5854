// The test VFS's command line, without the shim.
#include <doctest/doctest.h>

#include <chrono>

#include "vfs_scenario.h"

using namespace faultline::e2e;

namespace {

Outcome tvfs(const Arguments& arguments) {
  Command command;
  command.arguments = {program("vfs/tvfs")};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  command.timeout = std::chrono::seconds(60);
  return run(command);
}

void check_refused(const Arguments& arguments, const std::string& why) {
  const Outcome outcome = tvfs(arguments);
  INFO(outcome.command << "\n" << outcome.err);
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find(why) != std::string::npos);
}

}  // namespace

TEST_CASE("tvfs --list: every scenario, its variants and what is expected") {
  const Outcome outcome = tvfs({"--list"});
  CHECK(outcome.status == 0);
  for (const char* line :
       {"ext4-mmap-inline: ", "ext4-mkwrite-inline: ", "ext4-inline-race: ", "xfs-punch-mappages: ",
        "gup-dirty: ", "dio-dirty: ", "gfs2-abba: ", "gfs2-self: ", "mmap-rw-fault: ",
        "  broken            broken  ", "  pre-mmap          fixed   ", "  retry             fixed   "})
    CHECK_MESSAGE(outcome.out.find(line) != std::string::npos, line);
}

TEST_CASE("tvfs, wrong usage: status 2 and what is wrong") {
  check_refused({}, "no scenario is given");
  check_refused({"no-such"}, "no scenario is called 'no-such'");
  check_refused({"gup-dirty", "--variant=no-such"}, "has no variant 'no-such'");
  check_refused({"gup-dirty", "--faults-by=magic"}, "'handler' or 'sigbus'");
  check_refused({"gup-dirty", "--seconds", "1"}, "runs once, in turns");
  check_refused({"gup-dirty", "--really"}, "has no schedule that hangs");
  check_refused({"ext4-mmap-inline", "--threads", "2"}, "deadlocks when its threads overlap");
  check_refused({"ext4-mkwrite-inline", "--variant=retry", "--faults-by=handler"},
                "takes --faults-by=sigbus only");
}

TEST_CASE("tvfs --really, with nobody to end it: it hangs, and ends itself after a while") {
  const Outcome outcome = tvfs({"ext4-mmap-inline", "--really"});
  if (skipped(outcome)) return;
  CHECK(outcome.status == 3);
  CHECK(outcome.err == "tvfs: it hangs, as --really asked\n");
}
