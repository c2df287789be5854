#include "event_script.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace faultline {
namespace {

constexpr std::string_view kHeader =
    R"({"t":"trace","format":"faultline-trace","version":1,"tool":"test","run":"","pid":7,"ppid":1,"exe":"/bin/script"})"
    "\n"
    R"({"t":"stats","threads":0,"locks":0,"dependencies":0,"faults":0,"lost":{}})"
    "\n"
    R"({"t":"module","id":1,"path":"/bin/script","build_id":"abc","base":"0x1000","start":"0x1000","end":"0x9000"})"
    "\n";

class Script {
 public:
  explicit Script(const std::vector<LockDetail>& details) {
    for (const LockDetail& detail : details) details_[detail.name] = detail.json;
  }

  std::string expand(std::string_view text) {
    // Kinds first: a lock is an rwlock everywhere if it is read anywhere.
    for (const std::string& word : words(text)) note_kind(word);
    Thread* thread = nullptr;
    for (const std::string& word : words(text)) {
      if (word == ";") continue;
      if (word.back() == ':') {
        thread = &thread_of(word.substr(0, word.size() - 1));
      } else {
        if (!thread) throw std::logic_error("script without a thread: " + std::string(text));
        act(*thread, word);
      }
    }
    return std::string(kHeader) + out_.str();
  }

 private:
  struct Hold {
    int lock;
    std::string mode;
    int stack;
    bool trylock;
  };
  struct Thread {
    int id = 0;
    int epoch = 1;
    std::vector<Hold> held;
  };

  static std::vector<std::string> words(std::string_view text) {
    std::string spaced;
    for (const char c : text) {
      if (c == ';') {
        spaced += " ; ";
      } else {
        spaced += c;
        if (c == ':') spaced += ' ';
      }
    }
    std::istringstream in(spaced);
    return {std::istream_iterator<std::string>(in), {}};
  }

  // "?A/ft" without marks in front and behind.
  static std::string lock_name(std::string word) {
    if (std::string_view("-?@!%").find(word.front()) != std::string_view::npos) word.erase(0, 1);
    return word.substr(0, word.find_first_of("/.^=&"));
  }

  static bool has(const std::string& word, char letter) {
    const std::size_t slash = word.find('/');
    return slash != std::string::npos && word.find(letter, slash) != std::string::npos;
  }

  void note_kind(const std::string& word) {
    if (word == ";" || word.back() == ':' || is_about_state(word) ||
        std::string_view("+<>").find(word.front()) != std::string_view::npos)
      return;
    if (has(word, 'r') || has(word, 'f') || word.front() == '!') rwlocks_.insert({lock_name(word), true});
  }

  static bool is_about_state(const std::string& word) { return word.find('(') != std::string::npos; }

  Thread& thread_of(const std::string& name, int parent = 0, int parent_epoch = 0) {
    const auto [entry, is_new] = threads_.try_emplace(name);
    Thread& thread = entry->second;
    if (is_new) {
      thread.id = static_cast<int>(threads_.size());
      out_ << R"({"t":"thread","id":)" << thread.id << R"(,"tid":)" << 100 + thread.id << R"(,"parent":)"
           << parent << R"(,"parent_epoch":)" << parent_epoch << R"(,"name":")" << name << "\"}\n";
    }
    return thread;
  }

  int lock_of(const std::string& name) {
    const auto [entry, is_new] = locks_.try_emplace(name, static_cast<int>(locks_.size()) + 1);
    if (is_new) {
      const char* kind = name.front() == 'U'        ? "service"
                         : name.starts_with("end(") ? "thread"
                         : rwlocks_.contains(name)  ? "rwlock"
                                                    : "mutex";
      out_ << R"({"t":"lock","id":)" << entry->second << R"(,"addr":"0x)" << std::hex
           << 0x7000 + 64 * entry->second << std::dec << '"';
      // A detail may name another kind.
      if (details_[name].find(R"("kind")") == std::string::npos) out_ << R"(,"kind":")" << kind << '"';
      if (!details_[name].empty()) out_ << ',' << details_[name];
      out_ << "}\n";
      if (name.front() == 'U') return entry->second;
      out_ << R"({"t":"name","lock":)" << entry->second << R"(,"name":")" << name << "\"}\n";
    }
    return entry->second;
  }

  int end_of(const std::string& thread) {
    const std::string name = "end(" + thread + ')';
    details_[name] = R"("thread":)" + std::to_string(thread_of(thread).id);
    return lock_of(name);
  }

  int new_stack() {
    ++stacks_;
    out_ << R"({"t":"stack","id":)" << stacks_ << R"(,"frames":[[1,)" << 16 * stacks_ << "]]}\n";
    return stacks_;
  }

  int state_of(const std::string& name) {
    const auto [entry, is_new] = states_.try_emplace(name, static_cast<int>(states_.size()) + 1);
    if (is_new)
      out_ << R"({"t":"state","id":)" << entry->second << R"(,"name":")" << name.substr(0, name.find('#'))
           << R"(","addr":"0x)" << std::hex << 0x9000 + 8 * entry->second << std::dec << "\"}\n";
    return entry->second;
  }

  void about_state(const Thread& thread, const std::string& word) {
    const std::size_t open = word.find('(');
    const std::string what = word.substr(0, open);
    const std::string about = word.substr(open + 1, word.find(')') - open - 1);
    std::ostringstream rest;
    if (has(word, 'e')) rest << R"(,"open":"epochs")";
    if (has(word, 'o')) rest << R"(,"open":"threads")";
    if (const std::size_t client = word.find('^'); client != std::string::npos)
      rest << R"(,"for":[)" << thread_of(word.substr(client + 1)).id << ']';
    const int stack = new_stack();
    std::ostringstream common;
    common << R"("thread":)" << thread.id << R"(,"under":)" << under_of(thread) << R"(,"stack":)" << stack;
    std::ostringstream line;
    if (what == "rd" || what == "wr") {
      line << R"({"t":"access",)" << common.str() << R"(,"epoch":)" << thread.epoch << R"(,"state":)"
           << state_of(about) << (what == "wr" ? R"(,"write":true)" : "");
    } else if (what == "held" || what == "nothel") {
      line << R"({"t":"assertion","kind":")" << (what == "held" ? "held" : "not-held") << "\","
           << common.str() << R"(,"lock":)" << lock_of(lock_name(about)) << R"(,"addr":"0x7000","mode":")"
           << (has(about, 'r') ? "shared" : "exclusive") << '"';
    } else {
      const std::size_t revoker = about.find('-');
      line << R"({"t":"assertion","kind":"token",)" << common.str() << R"(,"name":")"
           << about.substr(0, revoker) << R"(","addr":"0x8000")";
      if (revoker != std::string::npos) {
        const int id = thread_of(about.substr(revoker + 1)).id;
        for (const char* time : {"given", "revoked"})
          line << ",\"" << time << R"(":{"thread":)" << id << R"(,"stack":)" << stack << '}';
      }
    }
    out_ << line.str() << rest.str() << "}\n";
  }

  void act(Thread& thread, const std::string& word) {
    if (is_about_state(word)) return about_state(thread, word);
    switch (word.front()) {
      case '+':
        thread_of(word.substr(1), thread.id, thread.epoch);
        ++thread.epoch;
        return;
      case '<':
        out_ << R"({"t":"join","thread":)" << thread.id << R"(,"epoch":)" << thread.epoch << R"(,"joined":)"
             << thread_of(word.substr(1)).id << "}\n";
        ++thread.epoch;
        return;
      case '>':
        return wait(thread, word, end_of(lock_name(word.substr(1))), "exclusive", new_stack());
      case '-': {
        const int lock = lock_of(lock_name(word));
        const auto hold = std::find_if(thread.held.rbegin(), thread.held.rend(),
                                       [&](const Hold& h) { return h.lock == lock; });
        if (hold == thread.held.rend()) throw std::logic_error("released but not held: " + word);
        thread.held.erase(std::next(hold).base());
        return;
      }
      default:
        take(thread, word);
    }
  }

  void take(Thread& thread, const std::string& word) {
    const int lock = lock_of(lock_name(word));
    const bool is_fault = word.front() == '!';
    const std::string mode = has(word, 'r')               ? "shared-recursive"
                             : has(word, 'f') || is_fault ? "shared-fair"
                                                          : "exclusive";
    const bool waits = word.front() != '?' && word.front() != '@';
    const int stack = new_stack();
    if (waits && (!thread.held.empty() || word.front() == '%')) wait(thread, word, lock, mode, stack);
    const bool gets_it = !is_fault && word.back() != '.' && word.find('^') == std::string::npos;
    if (!gets_it) return;
    thread.held.push_back({lock, mode, stack, word.front() == '?'});
  }

  int shared_node(int under, const Hold& hold) {
    std::ostringstream fields;
    fields << R"("under":)" << under << R"(,"lock":)" << hold.lock << R"(,"mode":")" << hold.mode
           << R"(","stack":)" << hold.stack << (hold.trylock ? R"(,"try":true)" : "");
    const auto [entry, is_new] = nodes_.try_emplace(fields.str(), static_cast<int>(nodes_.size()) + 1);
    if (is_new) out_ << R"({"t":"held","id":)" << entry->second << ',' << fields.str() << "}\n";
    return entry->second;
  }

  // The node of all the thread holds. A release out of order leaves a path that has no nodes yet.
  int under_of(const Thread& thread) {
    int under = 0;
    for (const Hold& hold : thread.held) under = shared_node(under, hold);
    return under;
  }

  void wait(const Thread& thread, const std::string& word, int lock, const std::string& mode, int stack) {
    std::ostringstream extra;
    const bool is_call = word.front() != '!' && word.find('^') == std::string::npos;
    if (is_call) extra << R"(,"cause":")" << (word.front() == '>' ? "join" : "call") << '"';
    if (word.front() == '!') {
      const std::size_t service = word.find('=');
      const int service_id = service == std::string::npos ? 0 : lock_of(word.substr(service + 1));
      extra << R"(,"cause":"fault","fault":{"address":"0x5000","access":"write","origin":")"
            << (has(word, 'k') ? "kernel-copy" : "user") << R"(","service":)" << service_id
            << R"(,"stack_from":"registers"})";
    }
    if (const std::size_t via = word.find('^'); via != std::string::npos) {
      const std::size_t server = word.find('^', via + 1);
      const int service_id = lock_of(word.substr(via + 1, server - via - 1));
      const int server_id = thread_of(word.substr(server + 1)).id;
      extra << R"(,"cause":"service","via":{"service":)" << service_id << R"(,"thread":)" << server_id << '}';
    }
    if (word.back() == '&') extra << R"(,"serves":"0x5010")";
    if (has(word, 't')) extra << R"(,"timed":true)";
    if (has(word, 'u')) extra << R"(,"observed":false)";
    if (has(word, 'e')) extra << R"(,"open":"epochs")";
    if (has(word, 'o')) extra << R"(,"open":"threads")";
    const int under = under_of(thread);
    out_ << R"({"t":"dep","thread":)" << thread.id << R"(,"epoch":)" << thread.epoch << R"(,"under":)"
         << under << R"(,"to":)" << lock << R"(,"mode":")" << mode << R"(","stack":)" << stack << extra.str()
         << "}\n";
  }

  std::map<std::string, std::string> details_;
  std::map<std::string, bool> rwlocks_;
  std::map<std::string, Thread> threads_;
  std::map<std::string, int> locks_;
  std::map<std::string, int> states_;
  std::map<std::string, int> nodes_;  // by their fields
  int stacks_ = 0;
  std::ostringstream out_;
};

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "faultline-unit-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder: " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TemporaryFolder::write(std::string_view name, std::string_view bytes) const {
  std::filesystem::path file = path_ / name;
  std::ofstream(file, std::ios::binary) << bytes;
  return file;
}

std::string trace_text(std::string_view script, const std::vector<LockDetail>& details) {
  return Script(details).expand(script);
}

Model model_of_trace(std::string_view text) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.write("script.7.jsonl", text);
  return load_model({&file, 1});
}

Model model_of(std::string_view script, const std::vector<LockDetail>& details) {
  return model_of_trace(trace_text(script, details));
}

Judged judged(std::string_view script, const std::vector<LockDetail>& details, Policy policy) {
  Judged result{model_of(script, details), {}};
  result.judgement = judge(result.model, NoNames(), {.policy = policy});
  return result;
}

std::string outcome(const Judgement& judgement) {
  std::string lines;
  for (const Finding& finding : judgement.findings) {
    if (!lines.empty()) lines += '\n';
    lines += std::string(spelling(finding.severity)) + ' ' +
             std::string(finding.verdict ? spelling(*finding.verdict) : spelling(finding.kind)) + ' ' +
             finding.title;
  }
  return lines;
}

std::string outcome(std::string_view script, const std::vector<LockDetail>& details, Policy policy) {
  return outcome(judged(script, details, policy).judgement);
}

}  // namespace faultline
