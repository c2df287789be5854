#include "command_doctor.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "host_checks.h"
#include "launch.h"
#include "model.h"

namespace faultline {

namespace {

namespace fs = std::filesystem;

// A folder that is gone with this object.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(fs::temp_directory_path() / "faultline-doctor.XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) throw InputError(path_ + ": " + std::strerror(errno));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const SourceRecord* source(const Process& process, std::string_view name) {
  const auto found = std::ranges::find(process.sources, name, &SourceRecord::name);
  return found == process.sources.end() ? nullptr : &*found;
}

Check check_stacks(const Process& process) {
  const SourceRecord* const stacks = source(process, "stacks");
  if (stacks == nullptr || stacks->state != "on")
    return {"stacks", Works::No, "neither libunwind.so.8 nor libgcc_s.so.1 could be used",
            "call stacks: only return addresses are recorded"};
  if (stacks->why == "libunwind") return {"stacks", Works::Yes, "by libunwind", ""};
  return {"stacks", Works::Partly, "by " + stacks->why + "; libunwind.so.8 is not there",
          "time: each new stack costs ten times more"};
}

// Runs a program that does nothing under the preload library and looks at what it left.
std::vector<Check> check_preload() {
  const Check nothing = {"preload", Works::No, "", "everything: no program can be watched here"};
  const auto missing = [&](const std::string& found) {
    Check check = nothing;
    check.found = found;
    return std::vector{check};
  };
  try {
    const fs::path library = find_preload_library();
    const TemporaryFolder folder;
    const std::string run = new_run_id();
    const LaunchResult result =
        launch({.command = {"true"}, .library = library, .options = {{"out", folder.path()}, {"run", run}}});
    if (!result.started) return missing("`true` could not be started");
    if (result.status != 0)
      return missing("`true` ended with status " + std::to_string(result.status) + " under " +
                     library.string());
    const fs::path paths[] = {folder.path()};
    const Model model = load_model(paths, run);
    if (model.processes.size() == 0) return missing("`true` left no trace under " + library.string());
    const Process& process = *model.processes.begin();
    const SourceRecord* const preload = source(process, "preload");
    if (preload == nullptr || preload->state != "on")
      return missing("switched off" + (preload == nullptr ? "" : ": " + preload->why));
    return {{"preload", Works::Yes, library.string(), ""}, check_stacks(process)};
  } catch (const std::exception& error) {
    return missing(error.what());
  }
}

void print(const Check& check) {
  std::printf("%-12s %-8s %s%s\n", std::string(check.name).c_str(),
              std::string(spelling(check.works)).c_str(), check.found.c_str(),
              check.lost.empty() ? "" : (". Lost: " + check.lost).c_str());
}

int examine() {
  std::vector<Check> checks = check_preload();
  const bool watches = checks.front().works == Works::Yes;
  for (Check (*const check)() :
       {check_libc, check_perf, check_userfaultfd, check_symbols, check_traces, check_sandbox})
    checks.push_back(check());
  for (const Check& check : checks) print(check);
  return watches ? 0 : 1;
}

}  // namespace

void add_doctor_command(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* const command =
      app.add_subcommand("doctor", "Say what works on this machine, and what is lost without");
  command->footer("Exit status: 0 if programs can be watched here, 1 if not.");
  command->callback([&chosen] { chosen = examine; });
}

}  // namespace faultline
