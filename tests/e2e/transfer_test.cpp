// System calls that touch memory whose faults are served, without a fault in this run.
#include <doctest/doctest.h>

#include "report.h"

using namespace faultline::e2e;

namespace {

const std::vector<std::string> kCalls = {"read",
                                         "__read_chk",
                                         "write",
                                         "pread",
                                         "__pread_chk",
                                         "pwrite",
                                         "pread64",
                                         "pwrite64",
                                         "readv",
                                         "writev",
                                         "preadv",
                                         "pwritev",
                                         "preadv2",
                                         "pwritev2",
                                         "vmsplice",
                                         "recv",
                                         "__recv_chk",
                                         "recvfrom",
                                         "__recvfrom_chk",
                                         "recvmsg",
                                         "recvmmsg",
                                         "send",
                                         "sendto",
                                         "sendmsg",
                                         "sendmmsg",
                                         "process_vm_readv",
                                         "process_vm_writev",
                                         "process_vm_writev to itself"};

// Runs `visit(traces)` for each call, until the program says that it cannot do its work here.
template <class Visit>
void for_each_call(const std::string& memory, Visit visit) {
  for (const std::string& call : kCalls) {
    INFO(call);
    const Path traces = work_dir() / call;
    const Outcome outcome = run(preloaded({program("shapes/uffd_transfers"), call, memory}, traces));
    if (skipped(outcome)) return;
    CHECK(outcome.status == 0);
    CHECK(outcome.out == "moved: yes\n");
    visit(traces);
  }
}

// How many waits of a page fault a trace has that did not happen.
std::size_t faults_not_observed(const Path& traces) {
  std::size_t count = 0;
  for (const Path& trace : traces_in(traces))
    for (const Json& record : records_of(trace))
      if (record.contains("fault") && !record.value("observed", true)) ++count;
  return count;
}

}  // namespace

TEST_CASE("a call on served memory under a lock that the server needs, each call of the family: found") {
  for_each_call("served", [](const Path& traces) {
    const Json finding = only_finding(analyze(traces));
    check_finding(finding, {.verdict = "feasible",
                            .severity = "error",
                            .orders = {{"table_lock", "transport_lock", "transfer", "fetch_page", "service"},
                                       {"transport_lock", "table_lock", "reconnect", "reconnect", "call"}}});
    for (const Json& edge : edges_between(finding, "table_lock", "transport_lock"))
      CHECK(edge.at("observed") == false);
    CHECK(faults_not_observed(traces) == 2);  // the wait for mmap_lock and that for the server
  });
}

TEST_CASE("the same calls on memory of their own: no cycle") {
  for_each_call("ordinary", [](const Path& traces) {
    CHECK(analyze(traces).findings().empty());
    CHECK(faults_not_observed(traces) == 0);
  });
}
