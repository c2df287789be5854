// Waits for the server of a FUSE file system.
#include <doctest/doctest.h>
#include <sys/mount.h>

#include <algorithm>
#include <iostream>

#include "report.h"

using namespace faultline::e2e;

namespace {

// A directory for a file system. Whatever the program does, nothing is mounted there afterwards.
class MountPoint {
 public:
  MountPoint() : at_(work_dir() / "mounted") { std::filesystem::create_directory(at_); }
  ~MountPoint() { clear(); }
  MountPoint(const MountPoint&) = delete;
  MountPoint& operator=(const MountPoint&) = delete;

  const Path& path() const { return at_; }
  void clear() const {
    if (::umount2(at_.c_str(), MNT_DETACH) != 0 && errno == EPERM)
      run({.arguments = {"fusermount3", "-u", "-q", "-z", at_}, .environment = {}});
  }

 private:
  Path at_;
};

// The programs were built only where libfuse is.
bool lacks_libfuse() {
  if (std::filesystem::exists(program("shapes/fuse_lock_under_call"))) return false;
  std::cout << "\nskipped: the headers of libfuse 3 are not installed" << std::endl;
  return true;
}

struct FileCall {
  std::string name;
  std::string cause;
};
const std::vector<FileCall> kCalls = {{"read", "service"},      {"pread", "service"},  {"readv", "service"},
                                      {"preadv", "service"},    {"pwrite", "service"}, {"stat", "service"},
                                      {"fstat", "service"},     {"access", "service"}, {"open", "service"},
                                      {"unlink", "service"},    {"fsync", "service"},  {"touch", "fault"},
                                      {"touch, moved", "fault"}};

// Runs `visit(call, report)` for each call, until the program says that it cannot do its work here.
template <class Visit>
void for_each_call(const std::string& lock, Visit visit) {
  if (lacks_libfuse()) return;
  const MountPoint mounted;
  for (const FileCall& call : kCalls) {
    INFO(call.name);
    const Path traces = work_dir() / call.name;
    const Outcome outcome =
        run(preloaded({program("shapes/fuse_lock_under_call"), mounted.path(), call.name, lock}, traces));
    mounted.clear();
    if (skipped(outcome)) return;
    CHECK(outcome.status == 0);
    CHECK(outcome.out == "read 64\ndone: yes\n");
    visit(call, analyze(traces));
  }
}

// The device of the one FUSE file system that a trace knows of.
Json service_device(const Path& trace) {
  std::vector<Json> found;
  for (const Json& record : records_of(trace))
    if (record.at("t") == "lock" && record.at("kind") == "service") found.push_back(record.at("device"));
  REQUIRE(found.size() == 1);
  return found[0];
}

// Runs the program whose server is another process, which locks the file of that name. False: it cannot do
// its work here.
bool run_in_two_processes(const std::string& server_lock, const Path& traces) {
  if (lacks_libfuse()) return false;
  const MountPoint mounted;
  const Outcome outcome = run(preloaded(
      {program("shapes/fuse_server_process"), mounted.path(), work_dir() / "lock", work_dir() / server_lock},
      traces));
  if (skipped(outcome)) return false;
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "read 64\nread 64\n");
  return true;
}

}  // namespace

TEST_CASE("a lock held over a call on a file whose server needs it, each call of the family: found") {
  for_each_call("index", [](const FileCall& call, const Report& report) {
    const Json finding = only_finding(report);
    check_finding(finding,
                  {.verdict = "feasible",
                   .severity = "error",
                   .orders = {{"index_lock", "service(fuse)", "look_up", "look_up", call.cause},
                              {"service(fuse)", "index_lock", "Notes::serve", "fill_page", "call"}}});
    for (const Json& edge : edges_between(finding, "index_lock", "service(fuse)"))
      CHECK(edge.at("observed") == false);
  });
}

TEST_CASE("a lock held over a call on a file whose server needs another one: no cycle") {
  for_each_call("other", [](const FileCall&, const Report& report) { CHECK(report.findings().empty()); });
}

TEST_CASE("a file lock held over a read from a file system whose server, another process, needs it: found") {
  const Path traces = work_dir() / "traces";
  if (!run_in_two_processes("lock", traces)) return;
  const std::vector<Path> files = traces_in(traces);
  REQUIRE(files.size() == 2);
  CHECK(service_device(files[0]) == service_device(files[1]));
  const Json finding = only_finding(analyze(traces));
  const std::string lock = "file(FileLock::FileLock)";
  check_finding(finding, {.verdict = "feasible",
                          .severity = "error",
                          .orders = {{lock, "service(fuse)", "read_locked", "read_locked", "service"},
                                     {"service(fuse)", lock, "Notes::serve", "fill_page", "call"}}});
}

TEST_CASE("a file lock held over a read from a file system whose server needs another one: no cycle") {
  const Path traces = work_dir() / "traces";
  if (run_in_two_processes("another lock", traces)) check_silent(analyze(traces));
}
