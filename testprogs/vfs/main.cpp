// tvfs: a small user-space model of the kernel's side of a file system, in which page faults are real.
//
// Each scenario is an order between a file system's locks and the page-fault path that kernel people found,
// told in the first comment of its file in scenarios/. The machine room is named by the kernel's parts: mm
// (areas, mmap_lock, fault path), page_cache, gup (pinned pages), fs (operation tables), vfs (calls), uaccess
// (copies from and to user memory), block_device; and the file systems, each a file: ext4ish, xfsish,
// gfs2ish. What is not the kernel's: uffd, fault_handler and sigbus, which turn what userfaultfd tells into
// calls of the fault path and failed faults into outcomes; schedule, by which scenarios hold threads up; and
// the locks, which are pthread locks. Functions local to a file are static rather than in an unnamed
// namespace, so that the stacks of a report read like the kernel's.
#include <getopt.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>

#include "panic.h"
#include "scenario.h"

namespace tvfs {
namespace {

constexpr int kUsage = 2;
constexpr int kHangs = 3;
constexpr unsigned kHangSeconds = 5;
constexpr int kSkipped = 77;
constexpr int kMaxThreads = 32;  // pairs of them; each has a handful of descriptors and mappings
constexpr double kMaxSeconds = 3600;

constexpr const char* kHelp =
    "usage: tvfs SCENARIO [--variant=V] [--faults-by=handler|sigbus] [--threads N] [--seconds S] [--really]\n"
    "       tvfs --list\n"
    "\n"
    "  --variant=V    which variant of the scenario (default: the first that --list names)\n"
    "  --faults-by=W  who serves faults: a handler thread (default), or by SIGBUS the thread that faulted\n"
    "  --threads N    N pairs of threads that overlap freely; where --list says so, fixed variants only\n"
    "  --seconds S    for so long instead of once; likewise\n"
    "  --really       take the schedule that hangs; where --list says so. Without a validator that ends it,\n"
    "                 the program hangs for 5 seconds and exits 3\n"
    "\n"
    "Prints \"data: ok\" and exits 0, or 1 where data is wrong, 2 on wrong usage, 77 where the machine does "
    "not permit it.\n";

// What is wrong with the command line.
struct UsageError {
  std::string what;
};

const char* text(std::string_view literal) {
  return literal.data();
}

void list() {
  for (const Scenario* scenario : scenarios()) {
    std::printf("%s: %s%s\n", text(scenario->name), text(scenario->summary),
                scenario->overlaps ? " (--threads, --seconds)" : "");
    for (const Variant& variant : scenario->variants)
      std::printf("  %-17s %-7s %s%s%s\n", text(variant.name), variant.broken ? "broken" : "fixed",
                  text(variant.expected), variant.hangs != Hangs::No ? " (--really)" : "",
                  variant.by_sigbus ? " (always --faults-by=sigbus)" : "");
  }
}

template <class Number>
Number parse(const char* option, const char* argument, Number least, Number most) {
  Number value{};
  const char* const end = argument + std::strlen(argument);
  const auto [stopped, error] = std::from_chars(argument, end, value);
  if (error == std::errc{} && stopped == end && value >= least && value <= most) return value;
  std::ostringstream what;
  what << option << " takes a number from " << least << " to " << most << ", not '" << argument << "'";
  throw UsageError{what.str()};
}

const Scenario& find_scenario(std::string_view name) {
  for (const Scenario* scenario : scenarios())
    if (scenario->name == name) return *scenario;
  throw UsageError{"no scenario is called '" + std::string(name) + "'; tvfs --list names them"};
}

const Variant& find_variant(const Scenario& scenario, std::string_view name) {
  std::string names;
  for (const Variant& variant : scenario.variants) {
    if (variant.name == name) return variant;
    names += (names.empty() ? "" : ", ") + std::string(variant.name);
  }
  throw UsageError{std::string(scenario.name) + " has no variant '" + std::string(name) + "', but " + names};
}

FaultsBy parse_faults_by(std::string_view argument) {
  if (argument == "handler") return FaultsBy::Handler;
  if (argument == "sigbus") return FaultsBy::Sigbus;
  throw UsageError{"--faults-by is 'handler' or 'sigbus', not '" + std::string(argument) + "'"};
}

void check(const Scenario& scenario, const RunOptions& how) {
  const Variant& variant = how.variant;
  const std::string name = "variant '" + std::string(variant.name) + "'";
  if (how.really && variant.hangs == Hangs::No) throw UsageError{name + " has no schedule that hangs"};
  if (how.in_turns()) return;
  if (!scenario.overlaps) throw UsageError{std::string(scenario.name) + " runs once, in turns"};
  if (variant.broken)
    throw UsageError{name +
                     " deadlocks when its threads overlap: run it without --threads and --seconds, in turns"};
}

void end_the_hang(int) {
  constexpr char kMessage[] = "tvfs: it hangs, as --really asked\n";
  static_cast<void>(!::write(STDERR_FILENO, kMessage, sizeof kMessage - 1));
  ::_exit(kHangs);
}

int run(int argc, char** argv) {
  enum : int { kList = 256, kVariant, kThreads, kSeconds, kFaultsBy, kReally, kShowHelp };
  static const option options[] = {{"list", no_argument, nullptr, kList},
                                   {"variant", required_argument, nullptr, kVariant},
                                   {"threads", required_argument, nullptr, kThreads},
                                   {"seconds", required_argument, nullptr, kSeconds},
                                   {"faults-by", required_argument, nullptr, kFaultsBy},
                                   {"really", no_argument, nullptr, kReally},
                                   {"help", no_argument, nullptr, kShowHelp},
                                   {nullptr, 0, nullptr, 0}};
  std::optional<std::string> variant_name;
  std::optional<int> threads;
  std::optional<double> seconds;
  std::optional<FaultsBy> faults_by;
  bool really = false;
  opterr = 0;
  for (int got; (got = getopt_long(argc, argv, ":", options, nullptr)) != -1;) {
    switch (got) {
      case kList:
        list();
        return 0;
      case kShowHelp:
        std::fputs(kHelp, stdout);
        return 0;
      case kVariant:
        variant_name = optarg;
        break;
      case kThreads:
        threads = parse("--threads", optarg, 1, kMaxThreads);
        break;
      case kSeconds:
        seconds = parse("--seconds", optarg, 0.001, kMaxSeconds);
        break;
      case kFaultsBy:
        faults_by = parse_faults_by(optarg);
        break;
      case kReally:
        really = true;
        break;
      case ':':
        throw UsageError{std::string(argv[optind - 1]) + " needs a value"};
      default: {
        const bool is_letter = optopt > 0 && optopt < kList;
        throw UsageError{
            "unknown option '" +
            (is_letter ? std::string{'-', static_cast<char>(optopt)} : std::string(argv[optind - 1])) + "'"};
      }
    }
  }
  if (optind == argc) throw UsageError{"no scenario is given; tvfs --list names them"};
  if (optind + 1 < argc)
    throw UsageError{"one scenario at a time, and then '" + std::string(argv[optind + 1]) + "'"};

  const Scenario& scenario = find_scenario(argv[optind]);
  const Variant& variant = variant_name ? find_variant(scenario, *variant_name) : scenario.variants.front();
  const bool only_sigbus = variant.by_sigbus || (really && variant.hangs == Hangs::BySigbus);
  const RunOptions how{.variant = variant,
                       .threads = threads.value_or(1),
                       .seconds = seconds.value_or(0),
                       .faults_by = faults_by.value_or(only_sigbus ? FaultsBy::Sigbus : FaultsBy::Handler),
                       .really = really};
  if (only_sigbus && how.faults_by != FaultsBy::Sigbus)
    throw UsageError{"variant '" + std::string(variant.name) + (really ? "', really," : "'") +
                     " takes --faults-by=sigbus only: its fault path waits for a lock whose holder may "
                     "fault, and would hold up a handler that serves all"};
  check(scenario, how);
  if (really) {
    std::signal(SIGALRM, end_the_hang);
    ::alarm(kHangSeconds);
  }
  return scenario.run(how);
}

}  // namespace
}  // namespace tvfs

int main(int argc, char** argv) {
  try {
    return tvfs::run(argc, argv);
  } catch (const tvfs::UsageError& error) {
    std::fprintf(stderr, "tvfs: %s\n\n%s", error.what.c_str(), tvfs::kHelp);
    return tvfs::kUsage;
  } catch (const tvfs::Skipped& skipped) {
    std::fprintf(stderr, "skipped: %s\n", skipped.why.c_str());
    return tvfs::kSkipped;
  }
}
