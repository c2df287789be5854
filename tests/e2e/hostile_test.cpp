// Programs that try to break a preload: under the shim they must print and return what they do without it.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "report.h"

using namespace faultline::e2e;

namespace {

// Some of these programs leave no room to record anything; all others must leave a trace, else they prove
// nothing.
enum class Traces { Some, PerhapsNone };

// What the shim has to tell its user about a program goes to standard error; about most there is nothing.
enum class Told { Nothing, Something };

// Every file that the program may have made or changed, in its working directory, with what is in it.
std::map<std::string, std::string> files_left() {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(work_dir())) {
    const std::string name = entry.path().filename();
    // Made by the tests themselves.
    if (name == "commands" || name == "traces" || name.ends_with(".out") || name.ends_with(".err")) continue;
    files[name] = entry.is_regular_file() ? read_text(entry.path()) : "";
  }
  return files;
}

// Runs the program natively and under the shim: output, standard error, status and files must be the same.
// What traces it left must be readable. Returns what it wrote to standard error under the shim; nothing where
// it was skipped.
std::optional<std::string> check_undisturbed(const std::string& name, const Arguments& arguments = {},
                                             Traces expected = Traces::Some, Told told = Told::Nothing,
                                             const std::string& options = "") {
  Arguments all = {program("hostile/" + name)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Outcome native = run(Command{.arguments = all, .environment = {}});
  if (skipped(native)) return std::nullopt;
  const std::map<std::string, std::string> left = files_left();
  const Path traces = work_dir() / "traces";
  Command command = preloaded(all, traces, options);
  command.timeout = std::chrono::seconds(60);
  const Outcome watched = run(command);
  INFO(watched.command << "\n" << watched.err);
  CHECK(watched.out == native.out);
  CHECK(watched.status == native.status);
  CHECK(watched.signal == native.signal);
  if (told == Told::Nothing) CHECK(watched.err == native.err);
  CHECK(files_left() == left);
  CHECK((expected == Traces::PerhapsNone || !traces_in(traces).empty()));
  if (!traces_in(traces).empty()) {
    const Report report = analyze(traces);
    INFO(report.text);
    CHECK(report.status != 2);
  }
  return watched.err;
}

// The program ends under a filter that knows none of the shim's system calls; its user is told, once.
void check_behind_filter(const std::string& how) {
  const std::optional<std::string> said =
      check_undisturbed("own_filter", {how}, Traces::Some, Told::Something);
  if (!said) return;
  INFO(*said);
  CHECK(said->starts_with("faultline: switched off: "));
  CHECK(std::count(said->begin(), said->end(), '\n') == 1);
  // What was recorded before it stays.
  CHECK(records_of(traces_in(work_dir() / "traces").at(0)).at(1).at("dependencies") == 1);
}

}  // namespace

TEST_CASE("hostile: forks with locks held, locks in atfork handlers, execs") {
  check_undisturbed("fork_while_locked");
}
TEST_CASE("hostile: vfork, posix_spawn, system and popen") {
  check_undisturbed("spawned_children");
}
TEST_CASE("hostile: locks in static constructors and destructors") {
  check_undisturbed("static_lifetimes");
}
TEST_CASE("hostile: locks in destructors of thread-local data") {
  check_undisturbed("thread_exit_locks");
}
TEST_CASE("hostile: locks in a signal handler") {
  check_undisturbed("signal_handler_locks");
}
TEST_CASE("hostile: cancellation in waits") {
  check_undisturbed("cancellation");
}
TEST_CASE("hostile: return codes and errno") {
  check_undisturbed("return_codes");
}
TEST_CASE("hostile: return codes and errno, free locks left to libc") {
  check_undisturbed("return_codes", {}, Traces::Some, Told::Nothing, "inline_locks=0");
}
TEST_CASE("hostile: C11 threads") {
  check_undisturbed("c11_threads");
}
TEST_CASE("hostile: results of C11's functions") {
  check_undisturbed("c11_results");
}
TEST_CASE("hostile: results of semaphores and barriers; a wait that is interrupted, cancelled, timed out") {
  check_undisturbed("semaphore_calls");
}
TEST_CASE("hostile: initialisers left by exceptions, cancellation and pthread_exit") {
  check_undisturbed("initialisers");
  // A hundred of its once_flags lived at one address, one after the other.
  std::size_t initialisers = 0;
  for (const Json& record : records_of(traces_in(work_dir() / "traces").at(0)))
    initialisers += record.at("t") == "lock" && record.at("kind") == "once";
  CHECK(initialisers >= 100);
}
TEST_CASE("hostile: a C program that loads a C++ library with static variables in its functions") {
  check_undisturbed("c_program_of_cxx_library", {program("hostile/libcxx_library.so")});
}
TEST_CASE("hostile: a library that locks while it is loaded and unloaded") {
  check_undisturbed("loaded_library", {program("hostile/libloaded_library_plugin.so")});
}
TEST_CASE("hostile: locks on files") {
  check_undisturbed("file_lock_calls");
}
TEST_CASE("hostile: calls that move bytes, where memory is served") {
  check_undisturbed("transfer_calls");
}
TEST_CASE("hostile: calls on files, where there is a FUSE file system") {
  check_undisturbed("path_calls");
}
TEST_CASE("hostile: calls of the loader whose answer depends on the caller") {
  check_undisturbed("loader_calls", {program("hostile/libloader_calls_library.so")});
}
TEST_CASE("hostile: walks over the loaded objects") {
  check_undisturbed("loaded_objects", {program("hostile/libloaded_library_plugin.so")});
}
TEST_CASE("hostile: calls that block, interrupted and cancelled") {
  check_undisturbed("blocking_calls");
}
TEST_CASE("hostile: thread creation and joins") {
  check_undisturbed("thread_calls");
}
TEST_CASE("hostile: userfaultfd by the book and against it") {
  check_undisturbed("userfaultfd_calls");
}
TEST_CASE("hostile: pages that nobody asked for, while threads begin and end") {
  check_undisturbed("pages_ahead");
}
TEST_CASE("hostile: descriptor numbers, closing all of them") {
  check_undisturbed("descriptors");
}
TEST_CASE("hostile: working directory removed") {
  check_undisturbed("removed_directory");
}
TEST_CASE("hostile: deep recursion and the smallest stacks") {
  check_undisturbed("deep_stacks");
}
TEST_CASE("hostile: coroutines, signal stacks and threads with no room to spare") {
  check_undisturbed("borrowed_stacks");
}
TEST_CASE("hostile: a system call filter of its own, by prctl") {
  check_behind_filter("prctl");
}
TEST_CASE("hostile: a system call filter of its own, by seccomp") {
  check_behind_filter("seccomp");
}
TEST_CASE("hostile: exceptions through locks") {
  check_undisturbed("exceptions");
}
TEST_CASE("hostile: longjmp over locks and out of a signal handler") {
  check_undisturbed("long_jumps");
}
TEST_CASE("hostile: 5,000 short threads") {
  check_undisturbed("many_threads");
}
TEST_CASE("hostile: no room for files") {
  check_undisturbed("small_limits", {"file-size"}, Traces::PerhapsNone);
}
TEST_CASE("hostile: no room for descriptors") {
  check_undisturbed("small_limits", {"descriptors"}, Traces::PerhapsNone);
}
TEST_CASE("hostile: locks shared between processes") {
  check_undisturbed("shared_between_processes");
}
TEST_CASE("hostile: an allocator that locks") {
  check_undisturbed("own_malloc");
}
TEST_CASE("hostile: ends by return") {
  check_undisturbed("ways_out", {"return"});
}
TEST_CASE("hostile: ends by exit") {
  check_undisturbed("ways_out", {"exit"});
}
TEST_CASE("hostile: ends by _exit") {
  check_undisturbed("ways_out", {"_exit"});
}
TEST_CASE("hostile: ends by quick_exit") {
  check_undisturbed("ways_out", {"quick_exit"});
}
TEST_CASE("hostile: ends by _Exit") {
  check_undisturbed("ways_out", {"_Exit"});
}
TEST_CASE("hostile: ends by abort") {
  check_undisturbed("ways_out", {"abort"});
}
TEST_CASE("hostile: ends by SIGTERM") {
  check_undisturbed("ways_out", {"terminate"});
}
TEST_CASE("hostile: ends by SIGSEGV") {
  check_undisturbed("ways_out", {"segfault"});
}
TEST_CASE("hostile: ends by exit in another thread") {
  check_undisturbed("ways_out", {"exit-in-thread"});
}
TEST_CASE("hostile: first thread ends before the process") {
  check_undisturbed("ways_out", {"pthread_exit"});
}
TEST_CASE("hostile: children made by clone and clone3") {
  check_undisturbed("raw_clones");
}
TEST_CASE("hostile: locks that end while they are held") {
  check_undisturbed("vanished_locks");
}
TEST_CASE("hostile: every form of exec") {
  check_undisturbed("exec_forms");
  // The images that locked and went: each forked child's, complete up to its exec, and what it became.
  std::size_t forked = 0;
  std::size_t executed = 0;
  for (const Path& trace : traces_in(work_dir() / "traces")) {
    const std::vector<Json> records = records_of(trace);
    const bool ended = records.back().at("t") == "end";
    if (records.at(1).at("dependencies") > 0) (ended ? executed : forked) += 1;
  }
  CHECK(forked == 12);
  CHECK(executed == 10);  // of the twelve one found no program, one had no preload in its environment
}
TEST_CASE("hostile: main returns while threads lock") {
  check_undisturbed("threads_at_exit", {"busy"});
}
TEST_CASE("hostile: main returns while threads come and go") {
  check_undisturbed("threads_at_exit", {"threads"});
}
TEST_CASE("hostile: the process ends while a thread sleeps with a lock") {
  check_undisturbed("threads_at_exit", {"asleep"});
}
TEST_CASE("hostile: calls that change mappings, in order and wrongly used") {
  check_undisturbed("mapping_results");
}
TEST_CASE("hostile: memory of every sort, mapped and unmapped under locks") {
  check_undisturbed("mapped_data");
}
TEST_CASE("hostile: memory of every sort, its shared pages dropped again and again") {
  const std::optional<std::string> said =
      check_undisturbed("mapped_data", {}, Traces::Some, Told::Something, "faults=storm");
  REQUIRE(said);
  CHECK(said->starts_with("faultline: storm: "));
  CHECK(std::count(said->begin(), said->end(), '\n') == 1);
}
TEST_CASE("hostile: locks before the shim's constructor") {
  check_undisturbed("early_locks");
}
TEST_CASE("hostile: deep binding and name spaces of their own") {
  check_undisturbed("link_scopes", {program("hostile/libloaded_library_plugin.so")});
}
TEST_CASE("hostile: one plugin in the place of another: each lock call belongs to the one that made it") {
  if (!check_undisturbed("plugins_in_place",
                         {program("hostile/libplugin_first.so"), program("hostile/libplugin_second.so")}))
    return;
  const Json finding = only_finding(analyze(work_dir() / "traces"));
  check_finding(finding, {.verdict = "ordered",
                          .severity = "note",
                          .orders = {{"lock_a", "lock_b", "first_plugin_work", "first_plugin_work"},
                                     {"lock_b", "lock_a", "second_plugin_work", "second_plugin_work"}}});
  // Nor was the second one's stack walked by what was known of the first one's frame.
  for (const Json& edge : finding.at("edges"))
    for (const char* side : {"held_at", "at"}) CHECK(has_function(edge.at(side), "use_plugin"));
}
TEST_CASE("hostile: one plugin in the place of another, called by one thread from one place: likewise") {
  if (!check_undisturbed("plugins_in_place", {"in-main", program("hostile/libplugin_first.so"),
                                              program("hostile/libplugin_second.so")}))
    return;
  check_finding(only_finding(analyze(work_dir() / "traces")),
                {.verdict = "same-thread",
                 .severity = "warning",
                 .orders = {{"lock_a", "lock_b", "first_plugin_work", "first_plugin_work"},
                            {"lock_b", "lock_a", "second_plugin_work", "second_plugin_work"}}});
}
