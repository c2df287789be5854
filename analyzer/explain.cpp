#include "explain.h"

#include <algorithm>

namespace faultline {
namespace {

std::string counted(std::size_t count) {
  constexpr const char* words[] = {"no",  "one",   "two",   "three", "four", "five",
                                   "six", "seven", "eight", "nine",  "ten"};
  return count < std::size(words) ? words[count] : std::to_string(count);
}

std::string_view purpose(Mode mode) {
  return is_shared(mode) ? "to read" : "to write";
}

}  // namespace

std::string Explainer::thread(ThreadId id) const {
  if (!id) return "any further thread";
  const Thread& thread = model_.threads[id];
  const std::string tid = std::to_string(thread.tid);
  return thread.name.empty() ? "thread " + tid : "thread " + thread.name + " (" + tid + ')';
}

std::string Explainer::order(const Cycle& cycle, std::size_t place) const {
  const LockId held = model_.held[cycle.witnesses[place].held].lock;
  return name(held) + " -> " + name(dependency(cycle, place).to);
}

std::string Explainer::why(const Cycle& cycle) const {
  return (cycle.may_be_worse ? "in the sightings that were tried, " : "") + evidence(cycle);
}

std::string Explainer::evidence(const Cycle& cycle) const {
  const CycleVerdict& verdict = cycle.verdict;
  switch (verdict.verdict) {
    case Verdict::Feasible:
      return feasible(cycle);
    case Verdict::Self:
      return self(cycle);
    case Verdict::SameThread:
      return "only " + thread(verdict.thread) + " takes " + order(cycle, verdict.first) + " and " +
             order(cycle, verdict.second) + ", never two threads";
    case Verdict::Gated:
      return order(cycle, verdict.first) + " and " + order(cycle, verdict.second) + " are both taken under " +
             name(verdict.gate) + ", so never at once";
    case Verdict::Ordered:
      return ordered(cycle);
    case Verdict::Compatible:
      return compatible(cycle);
    case Verdict::Timed:
      return timed(cycle);
    case Verdict::Model:
      return "it needs the kernel's mmap_lock, which the kernel drops before it waits for a server";
    case Verdict::ClassOnly:
      return "the classes form a cycle; the locks met in this run are different ones of these classes";
    case Verdict::Summarised:
      return "the classes form a cycle; they have so many locks that not all were told apart, so it is not "
             "known "
             "whether two threads can meet on the same ones";
    case Verdict::Observed:
    case Verdict::CrossRun:
      break;  // not verdicts on a cycle of one run's witnesses
  }
  return {};
}

std::string Explainer::feasible(const Cycle& cycle) const {
  const std::size_t size = cycle.witnesses.size();
  return with_writers(
      cycle, counted(size) + " threads, no common lock, " + (size == 2 ? "both" : "all") + " alive at once");
}

std::string Explainer::with_writers(const Cycle& cycle, std::string sentence) const {
  for (const auto& writer : cycle.verdict.writers)
    sentence += "; " + thread(dependency(cycle, writer.wait).thread) + " reads " +
                name(dependency(cycle, writer.wait).to) + " behind " + thread(writer.thread) +
                ", which waits to write it";
  return sentence;
}

std::string Explainer::ordered(const Cycle& cycle) const {
  const CycleVerdict& verdict = cycle.verdict;
  if (verdict.order == HappensBefore::Order::None)
    return "creating and joining threads leaves no moment for all of its waits";
  const std::string earlier = thread(dependency(cycle, verdict.first).thread);
  const std::string later = thread(dependency(cycle, verdict.second).thread);
  const bool processes = verdict.order == HappensBefore::Order::Process;
  const std::string reason = processes ? "its process had ended before the other's began"
                             : verdict.order == HappensBefore::Order::Join
                                 ? earlier + " had ended and been joined"
                                 : "threads created only after it lead there";
  return order(cycle, verdict.first) + " by " + earlier +
         (processes ? " was over before " : " is always over before ") + order(cycle, verdict.second) +
         " by " + later + ": " + reason;
}

std::string Explainer::compatible(const Cycle& cycle) const {
  const Dependency& wait = dependency(cycle, cycle.verdict.first);
  if (model_.locks[wait.to].of_process)
    return thread(wait.thread) + " waits for " + name(wait.to) + ", which " +
           thread(dependency(cycle, cycle.verdict.second).thread) +
           " holds: the process owns it, so its threads do not block each other";
  std::string sentence = thread(wait.thread) + " waits for " + name(wait.to) + " to read it, which " +
                         thread(dependency(cycle, cycle.verdict.second).thread) +
                         " holds to read it: readers do not block each other";
  if (wait.mode == Mode::SharedFair)
    sentence += ", and no further thread was seen that could wait then to write it";
  return sentence;
}

std::string Explainer::timed(const Cycle& cycle) const {
  const std::size_t size = cycle.witnesses.size();
  if (cycle.verdict.severity == Severity::Note) return "every wait has a time limit";
  const Dependency& wait = dependency(cycle, cycle.verdict.first);
  if (size == 1)
    return thread(wait.thread) + " waits for " + name(wait.to) + ", which it holds, up to a time limit";
  return "the wait of " + thread(wait.thread) + " for " + name(wait.to) + " has a time limit";
}

std::string Explainer::self(const Cycle& cycle) const {
  const Dependency& wait = dependency(cycle, 0);
  const Mode held = model_.held[cycle.witnesses[0].held].mode;
  const std::string holds = name(wait.to) + ", which it holds " + std::string(purpose(held)) + ", " +
                            std::string(purpose(wait.mode));
  if (wait.via_thread)
    return with_writers(cycle, thread(wait.thread) + " waits for " + thread(wait.via_thread) +
                                   ", which serves its page fault and takes " + holds);
  const std::string_view how = wait.cause == Cause::Fault ? " waits by a page fault for " : " waits for ";
  return with_writers(cycle, thread(wait.thread) + std::string(how) + holds);
}

std::vector<std::string> Explainer::notes(const Cycle& cycle) const {
  std::vector<std::string> notes;
  if (cycle.may_be_worse)
    notes.emplace_back("the search stopped at a bound: sightings that were not tried may be worse");
  for (std::size_t i = 0; i < cycle.witnesses.size(); ++i) {
    const Dependency& wait = dependency(cycle, i);
    if (!wait.observed) notes.push_back(order(cycle, i) + " did not happen in this run, but could have");
    if (wait.cause == Cause::Join && model_.held[cycle.witnesses[i].held].relock)
      notes.push_back(
          name(model_.held[cycle.witnesses[i].held].lock) +
          " was taken again at the end of a condition wait before the join: a warning only, as the joined "
          "thread may have said by then that it is done with it");
    if (wait.open == Open::Epochs)
      notes.push_back(order(cycle, i) + " was seen so often by " + thread(wait.thread) +
                      " that it is assumed of all its later life");
    if (wait.open == Open::Threads)
      notes.push_back(order(cycle, i) + " was seen in so many threads that it is assumed of any");
    if (wait.via_thread)
      notes.push_back(order(cycle, i) + " is taken by " + thread(wait.via_thread) +
                      ", which serves the page fault of " + thread(wait.thread));
  }
  return notes;
}

}  // namespace faultline
