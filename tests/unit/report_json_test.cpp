// The JSON report against its schema, and the values that scripts hold on to.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "report_json.h"
#include "report_schema.h"
#include "sample_report.h"

using namespace faultline;
using Json = nlohmann::json;

namespace {

Json rendered(const Report& report) {
  return Json::parse(render_json(report));
}

}  // namespace

TEST_CASE("a report fits its schema, and one with a value out of place does not") {
  const SampleReport sample;
  Json json = rendered(sample.report());
  CHECK(schema_errors(json) == "");
  json["findings"][0]["edges"][0]["mode"] = "sometimes";
  CHECK(schema_errors(json) != "");
}

TEST_CASE("an empty result fits the schema too") {
  const SampleReport sample;
  const Judgement nothing;
  const Json json = rendered({.model = sample.model, .names = sample.names, .judgement = nothing});
  CHECK(schema_errors(json) == "");
  CHECK(json["findings"] == Json::array());
  CHECK(json["summary"]["lost"] == Json::object());
  CHECK_FALSE(json.contains("baseline"));
}

TEST_CASE("the summary counts findings by severity, explained ones too") {
  SampleReport sample;
  sample.judgement.summary.lost = {{"stacks", 3}};
  sample.judgement.bounds = {"too many cycles."};
  const Json summary = rendered(sample.report())["summary"];
  CHECK(summary["findings"] == Json({{"error", 1}, {"warning", 0}, {"note", 1}}));
  CHECK(summary["locks"] == 7);
  CHECK(summary["sources"] == Json({{"perf", "refused"}, {"uffd", "on"}}));
  CHECK(summary["lost"] == Json({{"stacks", 3}}));
  CHECK(summary["bounds"] == Json({"too many cycles."}));
}

TEST_CASE("a finding carries its verdict and its edges in order") {
  const SampleReport sample;
  const Json finding = rendered(sample.report())["findings"][0];
  CHECK(finding["fingerprint"] == "FL-5c1e09d2a7b3f846");
  CHECK(finding["kind"] == "lock-order");
  CHECK(finding["severity"] == "error");
  CHECK(finding["verdict"] == "feasible");
  CHECK(finding["state"] == "new");
  CHECK(finding["locks"] == Json({{{"id", 1}, {"class", "inode_lock"}, {"kind", "rwlock"}},
                                  {{"id", 2}, {"class", "mmap_lock"}, {"kind", "rwlock"}}}));
  REQUIRE(finding["edges"].size() == 3);
  CHECK(finding["edges"][0]["from"] == 1);
  CHECK(finding["edges"][0]["to"] == 2);
  CHECK(finding["edges"][0]["held_mode"] == "exclusive");
  CHECK(finding["edges"][0]["mode"] == "shared");
  CHECK(finding["edges"][2]["held_by_trylock"] == true);
}

TEST_CASE("a fault edge says address, access, origin and where its stack is from; a call edge has no fault") {
  SampleReport sample;
  sample.model.dependencies[DependencyId{2}].observed = false;
  const Json edges = rendered(sample.report())["findings"][0]["edges"];
  CHECK(edges[0]["cause"] == "fault");
  CHECK(edges[0]["fault"] == Json({{"address", "0x7f12345000"},
                                   {"access", "write"},
                                   {"origin", "user"},
                                   {"stack_from", "registers"}}));
  CHECK(edges[1]["observed"] == false);
  CHECK(edges[1]["fault"]["origin"] == "may");
  CHECK(edges[1]["fault"]["stack_from"] == "last-recorded");
  CHECK(edges[2]["cause"] == "call");
  CHECK_FALSE(edges[2].contains("fault"));
}

TEST_CASE("frames are expanded innermost first; unknown code keeps module and offset") {
  const SampleReport sample;
  const Json edges = rendered(sample.report())["findings"][0]["edges"];
  const Json& held_at = edges[0]["held_at"];
  REQUIRE(held_at.size() == 5);
  CHECK(held_at[0]["function"] == "std::unique_lock<std::mutex>::lock");
  CHECK(held_at[0]["inlined"] == true);
  CHECK(held_at[2] == Json({{"function", "ext4_write"},
                            {"file", "fs/ext4.cpp"},
                            {"line", 2},
                            {"inlined", false},
                            {"module", "tvfs"},
                            {"build_id", "abcdef"},
                            {"offset", "0x1000"}}));
  CHECK(held_at[3]["function"] == "tvfs+0x5000");
  CHECK(held_at[3]["file"] == "");
  CHECK(edges[2]["at"][1]["function"] == "0x7f0000001000");
  CHECK(edges[2]["at"][1]["module"] == "");
}

TEST_CASE("a finding that is no cycle has a null verdict") {
  SampleReport sample;
  sample.judgement.findings[0].kind = Kind::Misuse;
  sample.judgement.findings[0].verdict.reset();
  const Json json = rendered(sample.report());
  CHECK(json["findings"][0]["verdict"].is_null());
  CHECK(schema_errors(json) == "");
}

TEST_CASE("against a baseline the report counts new and known errors and warnings and names what is gone") {
  SampleReport sample;
  sample.judgement.findings[0].state = State::Known;
  Report report = sample.report();
  report.gone = std::vector<GoneFinding>{{"FL-00000000000000aa", "x -> y -> x"}};
  const Json json = rendered(report);
  CHECK(json["baseline"] ==
        Json({{"new", 0},
              {"known", 1},
              {"gone", {{{"fingerprint", "FL-00000000000000aa"}, {"title", "x -> y -> x"}}}}}));
  CHECK(json["findings"][0]["state"] == "known");
  CHECK(json["findings"][1]["state"] == "new");
  CHECK(schema_errors(json) == "");
}

TEST_CASE("a name that is no UTF-8 does not break the document") {
  SampleReport sample;
  sample.model.threads[ThreadId{1}].name = "wri\xffter";
  CHECK(rendered(sample.report())["findings"][0]["edges"][0]["thread"]["name"] == "wri\uFFFDter");
}
