// The text report: one golden page, and what must or must not be on it.
//
// FAULTLINE_UPDATE_GOLDEN=1 in the environment makes the golden test write what it would have compared.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "report_text.h"
#include "sample_report.h"

using namespace faultline;

namespace {

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string rendered(const SampleReport& sample, Severity lowest = Severity::Warning) {
  return render_text(sample.report(), {.lowest = lowest, .style = {}});
}

}  // namespace

TEST_CASE("the page for a page fault under a lock") {
  const std::string golden = FAULTLINE_GOLDEN "/report_text.txt";
  const std::string page = rendered(SampleReport(FAULTLINE_GOLDEN "/ext4.cpp.txt"));
  if (std::getenv("FAULTLINE_UPDATE_GOLDEN")) std::ofstream(golden) << page;
  CHECK(page == file_text(golden));
}

TEST_CASE("notes are counted, and shown only when asked for") {
  const SampleReport sample;
  const std::string few = rendered(sample);
  CHECK_FALSE(contains(few, "FL-0000000000000001"));
  CHECK(contains(few, "1 finding of lower severity not shown (1 gated); --all shows it."));
  const std::string all = rendered(sample, Severity::Note);
  CHECK(contains(all, "[FL-0000000000000001]"));
  CHECK_FALSE(contains(all, "not shown"));
}

TEST_CASE("against a baseline new findings are explained, known and gone ones named") {
  SampleReport sample;
  Report report = sample.report();
  report.gone = std::vector<GoneFinding>{{"FL-00000000000000aa", "x -> y -> x"}};
  const std::string fresh = render_text(report, {});
  CHECK(contains(fresh, "lock-order, feasible, new: "));
  CHECK(contains(fresh, "Gone: [FL-00000000000000aa] x -> y -> x is in the baseline"));
  CHECK(contains(fresh, "against the baseline 1 new, 0 known, 1 gone"));
  sample.judgement.findings[0].state = State::Known;
  const std::string known = render_text(report, {});
  CHECK(contains(known, "Known: [FL-5c1e09d2a7b3f846] inode_lock -> mmap_lock -> inode_lock."));
  CHECK_FALSE(contains(known, "1. Thread"));
  CHECK(contains(render_text(report, {.lowest = Severity::Note, .style = {}}), "1. Thread"));
}

TEST_CASE(
    "library calls are folded to the one the program made; code that only starts the thread is left out") {
  const std::string page = rendered(SampleReport());
  CHECK(contains(page, "std::unique_lock<std::mutex>::unique_lock (and 1 further in)\n"));
  CHECK_FALSE(contains(page, "std_mutex.h"));
  CHECK_FALSE(contains(page, "start_thread"));
}

TEST_CASE("a stack of library code alone is shown whole") {
  SampleReport sample;
  sample.model.stacks[sample.lock_stack].frames = {{ModuleId{2}, SampleReport::kWriteCall},
                                                   {ModuleId{2}, SampleReport::kThreadStart}};
  const std::string page = rendered(sample);
  CHECK(contains(page, "write  (libc.so.6)"));
  CHECK(contains(page, "start_thread  (libc.so.6)"));
}

TEST_CASE("source files below the reader's folder are named from there, others are not") {
  SampleReport sample;
  const auto page = [&](const std::string& directory) {
    return render_text(sample.report(), {.directory = directory});
  };
  sample.names.at(SampleReport::kMapSite)[0].file = "/src/fs/ext4.cpp";
  CHECK(contains(page("/src"), "ext4_mmap  fs/ext4.cpp:6\n"));
  CHECK(contains(page("/src/f"), "ext4_mmap  /src/fs/ext4.cpp:6\n"));
  CHECK(contains(page(""), "ext4_mmap  /src/fs/ext4.cpp:6\n"));
}

TEST_CASE("the source line is that of the code behind a lock wrapper of the program's own") {
  SampleReport sample(FAULTLINE_GOLDEN "/ext4.cpp.txt");
  sample.names.at(SampleReport::kMapSite)
      .insert(sample.names.at(SampleReport::kMapSite).begin(),
              {"ext4::AutoLock::AutoLock", "fs/lock.h", "/nonexistent.h", 3, true});
  CHECK(contains(rendered(sample),
                 "       ext4::AutoLock::AutoLock  fs/lock.h:3\n"
                 "       ext4_mmap  fs/ext4.cpp:6\n"
                 "           | int ext4_mmap"));
}

TEST_CASE("source lines are shown where the file can be read, and only there") {
  CHECK(contains(rendered(SampleReport(FAULTLINE_GOLDEN "/ext4.cpp.txt")), "| inode->lock.lock();"));
  CHECK_FALSE(contains(rendered(SampleReport("/nonexistent.cpp")), "| "));
}

TEST_CASE("what was lost, bounded or refused is said") {
  SampleReport sample;
  const std::string complete = rendered(sample);
  CHECK_FALSE(contains(complete, "Lost:"));
  CHECK_FALSE(contains(complete, "Bound reached:"));
  CHECK(contains(complete, "Not watched: perf was refused (perf_event_paranoid is 3)"));
  sample.judgement.summary.lost = {{"held", 2}, {"stacks", 3}};
  sample.judgement.bounds = {"stopped after 1000 cycles."};
  const std::string incomplete = rendered(sample);
  CHECK(contains(incomplete,
                 "Lost: held 2, stacks 3. Not everything was recorded: this result is incomplete."));
  CHECK(contains(incomplete, "Bound reached: stopped after 1000 cycles. This result is not a clean one."));
}

TEST_CASE("two locks of one class are told apart by number") {
  SampleReport sample;
  sample.judgement.findings[0].locks = {{sample.inode_lock, "inode_lock"}, {sample.mmap_lock, "inode_lock"}};
  CHECK(contains(rendered(sample), "waits for inode_lock #2 (shared)"));
  CHECK(contains(rendered(SampleReport()), "waits for mmap_lock (shared)"));
}

TEST_CASE("a lock that the server of a page fault takes names both threads") {
  SampleReport sample;
  CHECK_FALSE(contains(rendered(sample), "being served"));
  Dependency& dependency = sample.model.dependencies[DependencyId{3}];
  dependency.cause = Cause::Service;
  dependency.via_service = sample.mmap_lock;
  dependency.via_thread = ThreadId{1};
  CHECK(contains(rendered(sample),
                 "2. Thread 102, its page fault being served by thread \"writer\" (tid 101)\n"));
}

TEST_CASE("colour only where the style has it") {
  CHECK_FALSE(contains(rendered(SampleReport()), "\033"));
  TextOptions options;
  options.style.colour = true;
  CHECK(contains(render_text(SampleReport().report(), options), "\033[1;31merror\033[0m"));
}

TEST_CASE("lines keep to the width") {
  SampleReport sample;
  sample.judgement.findings[0].why = std::string(40, 'a') + " " + std::string(40, 'b') + " end.";
  TextOptions options;
  options.style.width = 60;
  CHECK(contains(render_text(sample.report(), options),
                 std::string(40, 'a') + "\n  " + std::string(40, 'b') + " end.\n"));
}

TEST_CASE("a name from the program cannot speak to the terminal") {
  SampleReport sample;
  sample.model.threads[ThreadId{1}].name = "evil\033[2J";
  CHECK(contains(rendered(sample), "\"evil?[2J\""));
}

TEST_CASE("long names lose their middle, counted in code points") {
  CHECK(elided("abcdefghij", 10) == "abcdefghij");
  CHECK(elided("abcdefghijk", 10) == "abc...hijk");
  CHECK(elided("äöüäöüäöüäö", 10) == "äöü...öüäö");
}
