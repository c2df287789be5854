#include "report_text.h"

#include <algorithm>
#include <map>

#include "stack_view.h"
#include "text_stack.h"

namespace faultline {

namespace {

std::string counted(std::uint64_t count, const std::string& noun) {
  const bool irregular = noun == "process" || noun == "class";
  return std::to_string(count) + " " + noun + (count == 1 ? "" : irregular ? "es" : "s");
}

// The judge's sentences come without a full stop.
std::string sentence(const std::string& text) {
  return printable(text) + (text.empty() || text.ends_with('.') ? "" : ".");
}

// What a reader cannot see where a source was refused.
std::string hidden_without(const std::string& source) {
  if (source == "preload") return "nothing was recorded there";
  if (source == "stacks") return "stacks are single return addresses";
  if (source == "uffd") return "page faults, and what their servers lock, are not seen";
  if (source == "perf") return "stacks of page faults are the last lock call before the fault";
  return "what it would have recorded is missing";
}

class FindingText {
 public:
  FindingText(const Report& report, const Finding& finding, const TextStyle& style, TextStacks& stacks)
      : report_(report), model_(report.model), finding_(finding), style_(style), stacks_(stacks) {}

  std::string render() const {
    std::string out = heading();
    std::size_t number = 0;
    for (const FindingEdge& edge : finding_.edges)
      out += edge.alternative ? alternative(edge) : "\n" + primary(edge, ++number);
    if (finding_.edges.empty())
      for (const FindingWait& wait : finding_.waits) out += "\n" + waiting(wait, ++number);
    for (const FindingSite& each : finding_.sites) out += "\n" + site(each, ++number);
    for (const std::string& note : finding_.notes)
      out += "\n" + wrapped("note: " + sentence(note), 2, style_.width);
    if (finding_.instances > 1)
      out += "\n" + wrapped("Seen on " +
                                (finding_.sites.empty()
                                     ? counted(finding_.instances, "set") + " of locks of these classes"
                                     : counted(finding_.instances, "object")) +
                                "; one is shown.",
                            2, style_.width);
    return out;
  }

 private:
  std::string heading() const {
    const std::string label(spelling(finding_.severity));
    const std::string painted = finding_.severity == Severity::Error     ? style_.red(label)
                                : finding_.severity == Severity::Warning ? style_.yellow(label)
                                                                         : style_.bold(label);
    std::string judged = std::string(spelling(finding_.kind));
    if (finding_.verdict) judged += ", " + std::string(spelling(*finding_.verdict));
    if (report_.gone) judged += ", " + std::string(spelling(finding_.state));
    return painted + ": " + style_.bold(printable(finding_.title)) + "  " +
           style_.faint("[" + finding_.fingerprint + "]") + "\n" +
           wrapped(judged + ": " + sentence(finding_.why), 2, style_.width);
  }

  // The class, and which lock of it where the finding has several.
  std::string name_of(LockId lock) const {
    std::string name;
    std::size_t of_class = 0;
    for (const FindingLock& known : finding_.locks)
      if (known.lock == lock) name = known.class_name;
    for (const FindingLock& known : finding_.locks)
      if (known.class_name == name) ++of_class;
    if (name.empty() || of_class > 1) name += (name.empty() ? "lock " : " #") + std::to_string(lock.value);
    return printable(name);
  }

  // 'thread "writer" (tid 12)', 'thread 12 (pid 10)'.
  std::string thread_of(ThreadId id) const {
    const Thread& thread = model_.threads[id];
    const std::string tid = std::to_string(thread.tid);
    std::string inside = thread.name.empty() ? "" : "tid " + tid;
    if (model_.processes.size() > 1)
      inside +=
          (inside.empty() ? "pid " : ", pid ") + std::to_string(model_.processes[thread.process].header.pid);
    return "thread " + (thread.name.empty() ? tid : '"' + printable(thread.name) + '"') +
           (inside.empty() ? "" : " (" + inside + ")");
  }

  // 'thread "worker" (tid 12) of its parent'
  std::string holder_of(DependencyId wait) const {
    const Orphan& orphan = model_.orphan_of(wait);
    const std::string tid = std::to_string(orphan.holder_tid);
    return "thread " +
           (orphan.holder_name.empty() ? tid : '"' + printable(orphan.holder_name) + "\" (tid " + tid + ")") +
           " of its parent";
  }

  static std::string hold(const HeldNode& held) {
    return std::string(is_shared(held.mode) ? "shared" : "exclusive") + (held.trylock ? ", by trylock" : "");
  }

  static std::string toucher(const Dependency& dependency) {
    if (!dependency.observed)
      return dependency.fault.origin == Origin::Unknown
                 ? "a system call may touch the page, although it did not fault in this run"
                 : "which the kernel may have served from its own cache in this run";
    switch (dependency.fault.origin) {
      case Origin::User:
        return "by the program's own code";
      case Origin::KernelCopy:
        return "inside a system call";
      case Origin::Unknown:
        return "by whom is not known";
      case Origin::Event:
        break;
    }
    return "";
  }

  // How the thread waits: "(exclusive)", "(shared) by a page fault at 0x7f00 (write, by the program's own
  // code)".
  std::string wait(const Dependency& dependency) const {
    std::string text = std::string("(") + (is_shared(dependency.mode) ? "shared" : "exclusive") +
                       (dependency.timed ? ", for a limited time" : "") + ")";
    if (dependency.cause == Cause::Join)
      text = std::string("to end") + (dependency.timed ? ", for a limited time" : "");
    if (dependency.cause == Cause::Once) text += " while another thread runs it";
    if (dependency.cause == Cause::Relock) text += " again at the end of a condition wait";
    if (dependency.fault.origin == Origin::Event)
      text += " for its server to read that memory at " + hexadecimal(dependency.fault.address) +
              " goes or moves";
    if (dependency.cause == Cause::Mmap) {
      text += " to change its memory mappings";
      if (!dependency.observed) text += ", as libc may do there";
    }
    if (dependency.cause == Cause::Fault) {
      text += " through a page fault on " + hexadecimal(dependency.fault.address) + " (";
      if (dependency.fault.access != Access::Unknown)
        text += std::string(spelling(dependency.fault.access)) + ", ";
      text += toucher(dependency) + ")";
    }
    return text;
  }

  // ", with mmap_lock (shared) taken in between", or "".
  static std::string between(const FindingEdge& edge) {
    std::string text;
    for (const LockBetween& lock : edge.between)
      text += (text.empty() ? ", with " : ", ") + printable(lock.class_name) +
              (is_shared(lock.mode) ? " (shared)" : " (exclusive)");
    return text.empty() ? "" : text + " taken in between";
  }

  // Whoever serves the fault of a thread waits on its behalf: what is held and waited for is theirs together.
  std::string server(const Dependency& dependency) const {
    return dependency.via_thread ? ", its page fault being served by " + thread_of(dependency.via_thread)
                                 : "";
  }

  std::string primary(const FindingEdge& edge, std::size_t number) const {
    const Dependency& dependency = model_.dependencies[edge.dependency];
    const HeldNode& held = model_.held[edge.held];
    const std::string label = std::to_string(number) + ". ";
    const std::string thread = thread_of(dependency.thread) + server(dependency);
    std::string out =
        "  " + style_.bold(label + static_cast<char>(std::toupper(thread[0])) + thread.substr(1)) + "\n";
    if (model_.locks[edge.from].kind == LockKind::Thread) {
      out += wrapped("is " + name_of(edge.from) + ", which has not ended", 5, style_.width);
    } else {
      const std::string holds =
          dependency.orphan ? "inherits, locked by " + holder_of(edge.dependency) + ", " : "holds ";
      out += wrapped(holds + name_of(edge.from) + " (" + hold(held) + "), taken at", 5, style_.width);
      out += stacks_.render(view_stack(model_, report_.names, held.stack), 7);
    }
    std::string at = ", at";
    if (dependency.cause == Cause::Fault && !dependency.fault.stack_is_registers)
      at = ", some time after";  // only the newest recorded stack before the fault is known
    out += wrapped("waits for " + name_of(edge.to) + " " + wait(dependency) + between(edge) + at, 5,
                   style_.width);
    return out + stacks_.render(view_stack(model_, report_.names, dependency.stack), 7);
  }

  // A thread of a deadlock that is no order of locks.
  std::string waiting(const FindingWait& wait, std::size_t number) const {
    std::string thread = thread_of(wait.thread);
    thread[0] = static_cast<char>(std::toupper(thread[0]));
    std::string out = "  " + style_.bold(std::to_string(number) + ". " + thread) + "\n";
    std::string held;
    for (const LockId lock : wait.holds) held += (held.empty() ? "holds " : ", ") + name_of(lock);
    if (!held.empty()) out += wrapped(held, 5, style_.width);
    out += wrapped("waits for " + printable(wait.what) + ", at", 5, style_.width);
    return out + stacks_.render(view_stack(model_, report_.names, wait.at), 7);
  }

  static std::string deed(const FindingSite& site) {
    switch (site.action) {
      case Action::Read:
        return "reads it, at";
      case Action::Write:
        return "writes it, at";
      case Action::Assert:
        return "asserts it, at";
      case Action::Give:
        return "gave it, at";
      case Action::Revoke:
        return "revoked it, at";
      case Action::Disable:
        return "ruled faults out, at";
      case Action::Fault:
        break;
    }
    const FaultRecord& fault = *site.fault;
    return "waits in a page fault on " + hexadecimal(fault.address) +
           (fault.access == Access::Unknown ? "" : " (" + std::string(spelling(fault.access)) + ")") +
           (fault.stack_is_registers ? ", at" : ", some time after");
  }

  // One place of a finding about state.
  std::string site(const FindingSite& site, std::size_t number) const {
    std::string who = site.thread ? thread_of(site.thread) : "a thread";
    for (std::size_t i = 0; i < site.clients.size(); ++i)
      who += (i == 0 ? ", serving the page fault of " : ", ") + thread_of(site.clients[i]);
    who[0] = static_cast<char>(std::toupper(who[0]));
    std::string out = "  " + style_.bold(std::to_string(number) + ". " + who) + "\n";
    for (const HeldId id : site.holds) {
      const HeldNode& held = model_.held[id];
      out += wrapped("holds " + name_of(held.lock) + " (" + hold(held) + "), taken at", 5, style_.width);
      out += stacks_.render(view_stack(model_, report_.names, held.stack), 7);
    }
    out += wrapped((site.holds.empty() && site.knows_holds ? "holding nothing, " : "") + deed(site), 5,
                   style_.width);
    return out + stacks_.render(view_stack(model_, report_.names, site.at), 7);
  }

  std::string alternative(const FindingEdge& edge) const {
    const Dependency& dependency = model_.dependencies[edge.dependency];
    const std::vector<FrameView> frames = view_stack(model_, report_.names, dependency.stack);
    const FrameView* const frame = own_frame(frames);
    const std::string served = server(dependency);
    std::string text = "also: " + thread_of(dependency.thread) + served + (served.empty() ? "" : ",") +
                       " waits for " + name_of(edge.to) + " " + wait(dependency);
    if (frame) text += " in " + printable(stacks_.place_of(*frame));
    return wrapped(text, 5, style_.width);
  }

  const Report& report_;
  const Model& model_;
  const Finding& finding_;
  const TextStyle& style_;
  TextStacks& stacks_;
};

// "3 explained cycles not shown (2 gated, 1 ordered); --all shows them", or "".
std::string hidden_findings(const Report& report, Severity lowest) {
  std::map<std::string, std::size_t> verdicts;
  std::size_t count = 0;
  for (const Finding& finding : report.judgement.findings) {
    if (finding.severity >= lowest) continue;
    ++count;
    ++verdicts[std::string(finding.verdict ? spelling(*finding.verdict) : spelling(finding.kind))];
  }
  if (count == 0) return "";
  std::string list;
  for (const auto& [verdict, number] : verdicts)
    list += (list.empty() ? "" : ", ") + std::to_string(number) + " " + verdict;
  return counted(count, "finding") + " of lower severity not shown (" + list + "); --all shows " +
         (count == 1 ? "it" : "them") + ".";
}

std::string summary_text(const Report& report, const TextStyle& style) {
  const Summary& summary = report.judgement.summary;
  const auto paragraph = [&](const std::string& text) { return wrapped(printable(text), 0, style.width); };
  std::string out =
      paragraph("Seen: " + counted(summary.processes, "process") + ", " + counted(summary.threads, "thread") +
                ", " + counted(summary.locks, "lock") + ", " + counted(summary.edges, "edge") + " between " +
                counted(summary.classes, "class") + ", " + counted(summary.faults, "page fault") + ".");
  if (!summary.lost.empty()) {
    std::string list;
    for (const auto& [cause, count] : summary.lost)
      list += (list.empty() ? "" : ", ") + cause + " " + std::to_string(count);
    out += paragraph("Lost: " + list + ". Not everything was recorded: this result is incomplete.");
  }
  if (summary.summarised > 0)
    out += paragraph("Summarised: " + counted(summary.summarised, "class") +
                     " had too many nested locks to tell them all apart; their orders are known by class.");
  for (const std::string& bound : report.judgement.bounds)
    out += paragraph("Bound reached: " + sentence(bound) + " This result is not a clean one.");
  for (const auto& [source, state] : summary.sources) {
    if (state != "refused") continue;
    const auto why = summary.source_why.find(source);
    const std::string reason =
        why == summary.source_why.end() || why->second.empty() ? "" : " (" + why->second + ")";
    out +=
        paragraph("Not watched: " + source + " was refused" + reason + ": " + hidden_without(source) + ".");
  }
  for (const std::string& warning : report.warnings) out += paragraph("Warning: " + sentence(warning));
  return out;
}

std::string result_text(const Report& report) {
  std::string out = counted(count_findings(report, Severity::Error), "error") + ", " +
                    counted(count_findings(report, Severity::Warning), "warning") + ", " +
                    counted(count_findings(report, Severity::Note), "note");
  if (report.gone) {
    out += "; against the baseline " + std::to_string(count_findings(report, State::New)) + " new, " +
           std::to_string(count_findings(report, State::Known)) + " known, " +
           std::to_string(report.gone->size()) + " gone";
  }
  return out;
}

}  // namespace

std::string render_text(const Report& report, const TextOptions& options) {
  const TextStyle& style = options.style;
  TextStacks stacks(style, options.directory);
  // What the baseline knows was reviewed before: it is named, not explained again, unless everything was
  // asked for.
  const auto in_brief = [&](const Finding& finding) {
    return finding.state == State::Known && options.lowest != Severity::Note;
  };
  std::string out;
  for (const Finding& finding : report.judgement.findings)
    if (finding.severity >= options.lowest && !in_brief(finding))
      out += FindingText(report, finding, style, stacks).render() + "\n";
  out += summary_text(report, style);
  for (const Finding& finding : report.judgement.findings)
    if (finding.severity >= options.lowest && in_brief(finding))
      out +=
          wrapped("Known: [" + finding.fingerprint + "] " + printable(finding.title) + ".", 0, style.width);
  if (report.gone)
    for (const GoneFinding& gone : *report.gone)
      out += wrapped("Gone: [" + gone.fingerprint + "] " + printable(gone.title) +
                         " is in the baseline but not in this result: fixed, or not exercised.",
                     0, style.width);
  const std::string hidden = hidden_findings(report, options.lowest);
  if (!hidden.empty()) out += wrapped(hidden, 0, style.width);
  return out + style.bold("Findings: " + result_text(report)) + "\n";
}

}  // namespace faultline
