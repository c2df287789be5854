#include "report_json.h"

#include <nlohmann/json.hpp>

#include "stack_view.h"

namespace faultline {

namespace {

using Json = nlohmann::ordered_json;

constexpr char kSchema[] = "faultline-report/1";

// Reports tell readers from writers only: which kind of reader it is matters to the judge, whose verdict says
// so.
std::string_view report_mode(Mode mode) {
  return is_shared(mode) ? "shared" : "exclusive";
}

Json json_stack(const Report& report, StackId stack) {
  Json frames = Json::array();
  for (const FrameView& frame : view_stack(report.model, report.names, stack))
    frames.push_back({{"function", frame.location.function},
                      {"file", frame.location.file},
                      {"line", frame.location.line},
                      {"inlined", frame.location.inlined},
                      {"module", frame.module},
                      {"build_id", frame.build_id},
                      {"offset", hexadecimal(frame.offset)}});
  return frames;
}

Json json_thread(const Model& model, ThreadId id) {
  const Thread& thread = model.threads[id];
  return {{"pid", model.processes[thread.process].header.pid},
          {"tid", thread.tid},
          {"name", thread.name},
          {"role", ""}};
}

Json json_fault(const FaultRecord& fault, bool observed) {
  Json json = {{"address", hexadecimal(fault.address)},
               {"access", spelling(fault.access)},
               {"origin", observed ? spelling(fault.origin) : "may"},
               {"stack_from", fault.stack_is_registers ? "registers" : "last-recorded"}};
  if (fault.service) json["service"] = fault.service.value;
  return json;
}

Json json_edge(const Report& report, const FindingEdge& edge) {
  const Model& model = report.model;
  const Dependency& dependency = model.dependencies[edge.dependency];
  const HeldNode& held = model.held[edge.held];
  Json json = {{"from", edge.from.value},
               {"held_mode", report_mode(held.mode)},
               {"to", edge.to.value},
               {"mode", report_mode(dependency.mode)},
               {"cause", spelling(dependency.cause)},
               {"observed", dependency.observed},
               {"thread", json_thread(model, dependency.thread)},
               {"held_at", json_stack(report, held.stack)},
               {"at", json_stack(report, dependency.stack)}};
  if (dependency.cause == Cause::Fault || dependency.fault.origin == Origin::Event)
    json["fault"] = json_fault(dependency.fault, dependency.observed);
  if (dependency.via_thread)
    json["via"] = {{"service", dependency.via_service.value},
                   {"thread", json_thread(model, dependency.via_thread)}};
  if (dependency.orphan) {
    const Orphan& orphan = model.orphan_of(edge.dependency);
    json["held_by"] = {{"pid", model.processes[model.process_of(edge.dependency)].header.ppid},
                       {"tid", orphan.holder_tid},
                       {"name", orphan.holder_name},
                       {"role", ""}};
  }
  if (!edge.between.empty()) {
    json["between"] = Json::array();
    for (const LockBetween& lock : edge.between)
      json["between"].push_back(
          {{"class", lock.class_name}, {"kind", spelling(lock.kind)}, {"mode", report_mode(lock.mode)}});
  }
  json["alternative"] = edge.alternative;
  json["held_by_trylock"] = held.trylock;
  json["timed"] = dependency.timed;
  return json;
}

Json json_wait(const Report& report, const FindingWait& wait) {
  Json holds = Json::array();
  for (const LockId lock : wait.holds) holds.push_back(lock.value);
  return {{"thread", json_thread(report.model, wait.thread)},
          {"to", wait.to.value},
          {"for", wait.what},
          {"holds", holds},
          {"at", json_stack(report, wait.at)}};
}

Json json_site(const Report& report, const FindingSite& site) {
  const Model& model = report.model;
  Json json = {{"action", spelling(site.action)},
               {"thread", site.thread ? json_thread(model, site.thread) : Json(nullptr)},
               {"at", json_stack(report, site.at)}};
  if (site.knows_holds) {
    json["holds"] = Json::array();
    for (const HeldId id : site.holds) {
      const HeldNode& held = model.held[id];
      json["holds"].push_back({{"lock", held.lock.value},
                               {"mode", report_mode(held.mode)},
                               {"by_trylock", held.trylock},
                               {"at", json_stack(report, held.stack)}});
    }
  }
  for (const ThreadId client : site.clients) json["for"].push_back(json_thread(model, client));
  if (site.fault) json["fault"] = json_fault(*site.fault, true);
  return json;
}

Json json_finding(const Report& report, const Finding& finding) {
  Json locks = Json::array();
  for (const FindingLock& lock : finding.locks)
    locks.push_back({{"id", lock.lock.value},
                     {"class", lock.class_name},
                     {"kind", spelling(report.model.locks[lock.lock].kind)}});
  Json edges = Json::array();
  for (const FindingEdge& edge : finding.edges) edges.push_back(json_edge(report, edge));
  Json json = {{"fingerprint", finding.fingerprint},
               {"stability", spelling(finding.stability)},
               {"state", spelling(finding.state)},
               {"kind", spelling(finding.kind)},
               {"severity", spelling(finding.severity)},
               {"verdict", finding.verdict ? Json(spelling(*finding.verdict)) : Json(nullptr)},
               {"title", finding.title},
               {"locks", locks},
               {"why", finding.why},
               {"notes", finding.notes},
               {"instances", finding.instances},
               {"edges", edges}};
  if (!finding.waits.empty()) {
    json["waits"] = Json::array();
    for (const FindingWait& wait : finding.waits) json["waits"].push_back(json_wait(report, wait));
  }
  for (const FindingSite& site : finding.sites) json["sites"].push_back(json_site(report, site));
  return json;
}

Json json_summary(const Report& report) {
  const Summary& summary = report.judgement.summary;
  return {{"processes", summary.processes},
          {"threads", summary.threads},
          {"locks", summary.locks},
          {"classes", summary.classes},
          {"edges", summary.edges},
          {"faults", summary.faults},
          {"summarised", summary.summarised},
          {"lost", Json(summary.lost)},
          {"bounds", report.judgement.bounds},
          {"sources", Json(summary.sources)},
          {"sources_why", Json(summary.source_why)},
          {"warnings", report.warnings},
          {"findings",
           {{"error", count_findings(report, Severity::Error)},
            {"warning", count_findings(report, Severity::Warning)},
            {"note", count_findings(report, Severity::Note)}}}};
}

}  // namespace

std::string render_json(const Report& report) {
  Json json = {{"schema", kSchema},
               {"tool", {{"name", "faultline"}, {"version", FAULTLINE_VERSION}}},
               {"summary", json_summary(report)}};
  if (report.gone) {
    Json gone = Json::array();
    for (const GoneFinding& finding : *report.gone)
      gone.push_back({{"fingerprint", finding.fingerprint}, {"title", finding.title}});
    json["baseline"] = {{"new", count_findings(report, State::New)},
                        {"known", count_findings(report, State::Known)},
                        {"gone", gone}};
  }
  json["findings"] = Json::array();
  for (const Finding& finding : report.judgement.findings)
    json["findings"].push_back(json_finding(report, finding));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace faultline
