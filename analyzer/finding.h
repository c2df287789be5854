// What the judge hands to the reports: findings, each with its verdict and its evidence, and the summary of
// what was judged.
//
// The meaning of kinds, verdicts and severities is fixed in docs/design.md (sections 2 and 4). Ids are those
// of the judged Model.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model.h"

namespace faultline {

enum class Kind : std::uint8_t {
  LockOrder,     // a cycle of two or more
  SelfLock,      // one thread waits for itself
  Deadlock,      // it happened
  SignalUnsafe,  // a signal handler takes what the code it interrupts may hold
  Assertion,     // what the program says must be so was not
  Unguarded,     // no common lock over annotated state
  Misuse,        // a lock call that fails or is undefined
};

enum class Verdict : std::uint8_t {
  Observed,
  Feasible,
  Self,
  SameThread,
  Summarised,
  ClassOnly,
  CrossRun,
  Gated,
  Ordered,
  Compatible,
  Timed,
  Model,
};

enum class Severity : std::uint8_t { Note, Warning, Error };

// Whether a fingerprint stays with its locks: low where code is stripped and a site goes by build id and
// offset, and where a lambda without a name is all there is to go by.
enum class Stability : std::uint8_t { Low, High };

// Against a baseline; New where there is none.
enum class State : std::uint8_t { New, Known, Gone };

constexpr std::string_view spelling(Kind k) {
  constexpr std::string_view names[] = {"lock-order", "self-lock", "deadlock", "signal-unsafe",
                                        "assertion",  "unguarded", "misuse"};
  return names[static_cast<int>(k)];
}
constexpr std::string_view spelling(Verdict v) {
  constexpr std::string_view names[] = {"observed",   "feasible",   "self",      "same-thread",
                                        "summarised", "class-only", "cross-run", "gated",
                                        "ordered",    "compatible", "timed",     "model"};
  return names[static_cast<int>(v)];
}
constexpr std::string_view spelling(Severity s) {
  constexpr std::string_view names[] = {"note", "warning", "error"};
  return names[static_cast<int>(s)];
}
constexpr std::string_view spelling(Stability s) {
  return s == Stability::Low ? "low" : "high";
}
constexpr std::string_view spelling(State s) {
  constexpr std::string_view names[] = {"new", "known", "gone"};
  return names[static_cast<int>(s)];
}

// A lock that was taken after the one an edge comes from, and still held at its wait.
struct LockBetween {
  std::string class_name;  // as shown to people
  LockKind kind;
  Mode mode;
};

// One order of a finding, with one dependency as its witness.
struct FindingEdge {
  static constexpr std::size_t kMostBetween = 8;

  LockId from;
  LockId to;
  DependencyId dependency;   // the wait for `to`: thread, mode, cause, stack, fault
  HeldId held;               // the node of `from` in the dependency's held path: mode, stack, trylock
  bool alternative = false;  // another witness of an order that an earlier entry already shows
  // What the wait passed through: in the order taken, the last kMostBetween of them.
  std::vector<LockBetween> between = {};
};

// What one thread of a deadlock waits for, where that is no order of locks.
struct FindingWait {
  ThreadId thread;
  LockId to;                  // none: no lock
  std::string what;           // "a condition", "lock_a", "the end of thread reader (12)"
  std::vector<LockId> holds;  // innermost first
  StackId at;
};

// What one place has to do with a finding about state.
enum class Action : std::uint8_t {
  Read,     // reads guarded state
  Write,    // writes it
  Assert,   // says what must be so
  Give,     // gives a token
  Revoke,   // revokes or takes it
  Fault,    // touches a page that is not there
  Disable,  // rules page faults out
};

constexpr std::string_view spelling(Action a) {
  constexpr std::string_view names[] = {"read", "write", "assert", "give", "revoke", "fault", "disable"};
  return names[static_cast<int>(a)];
}

struct FindingSite {
  Action action = Action::Read;
  ThreadId thread;                // none: not known
  std::vector<ThreadId> clients;  // whose page faults it serves meanwhile
  std::vector<HeldId> holds;      // innermost first; its clients' too
  bool knows_holds = true;        // else nothing is said of what it holds
  StackId at;
  std::optional<FaultRecord> fault;  // of Fault
};

struct FindingLock {
  LockId lock;
  std::string class_name;  // as shown to people
};

struct Finding {
  Kind kind = Kind::LockOrder;
  std::optional<Verdict> verdict;  // none for findings that are no cycle
  Severity severity = Severity::Note;
  std::string fingerprint;  // "FL-" and 16 hexadecimal digits
  Stability stability = Stability::High;
  State state = State::New;
  std::string title;               // "A -> B -> A" by class names, the same rotation on every run
  std::vector<FindingLock> locks;  // in the order of the title, then others that edges name
  std::string why;                 // one sentence: the verdict's evidence
  // In the order of the title, one edge each; after each its alternative witnesses, which differ in cause,
  // origin or stacks.
  std::vector<FindingEdge> edges;
  std::vector<FindingWait> waits;  // of a deadlock that happened: each of its threads
  std::vector<FindingSite> sites;  // of kinds Assertion and Unguarded, which have no edges
  std::vector<std::string> notes;  // further sentences: what a reader should know of the evidence
  // Sets of lock instances that share this fingerprint; of kinds Assertion and Unguarded, objects.
  std::uint32_t instances = 1;
};

struct Summary {
  std::uint64_t processes = 0;
  std::uint64_t threads = 0;
  std::uint64_t locks = 0;    // instances identified, whether or not they took part in a dependency
  std::uint64_t classes = 0;  // of the locks that took part in a dependency
  std::uint64_t edges = 0;    // distinct pairs of lock instances, one held while the other is waited for
  std::uint64_t faults = 0;
  std::uint64_t summarised = 0;  // lock classes whose instances were, at some time, not told apart
  std::map<std::string, std::uint64_t> lost;   // by cause; only causes that lost something
  std::map<std::string, std::string> sources;  // by name: "on", "off", "refused"; the worst of all processes
  std::map<std::string, std::string> source_why;  // by name: the reason, where one is given
};

// All that was found, worst first, explained cycles included.
struct Judgement {
  Summary summary;
  std::vector<Finding> findings;
  std::vector<std::string> bounds;  // sentences: what stopped at a bound; a result with one is never clean
};

}  // namespace faultline
