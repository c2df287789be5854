#include "classes.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <set>
#include <unordered_map>

namespace faultline {
namespace {

std::string_view file_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

bool starts_with_any(std::string_view text, const std::vector<std::string>& starts) {
  return std::ranges::any_of(starts, [&](const std::string& start) { return text.starts_with(start); });
}

// The last part of a qualified name, template arguments and scopes dropped: "Cache<std::string>::get<int>"
// gives "get".
std::string_view last_part(std::string_view name) {
  int depth = 0;
  std::size_t end = name.size();
  for (std::size_t i = name.size(); i-- > 0;) {
    if (name[i] == '>') ++depth;
    if (depth == 0 && name[i] == ':') return name.substr(i + 1, end - i - 1);
    if (name[i] == '<' && --depth == 0) end = i;
  }
  return name.substr(0, end);
}

std::string hexadecimal(std::uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  return "0x" + std::string(digits, end);
}

// A piece of code or data as a part of a class.
struct Place {
  std::string key;
  std::string name;
  Stability stability = Stability::High;
};

class Places {
 public:
  Places(const Model& model, const FrameNames& names, const ClassRules& rules)
      : model_(model), names_(names), rules_(rules) {}

  // Where a call stack leaves the wrappers.
  const Place& site(StackId stack) {
    const auto [entry, is_new] = sites_.try_emplace(stack.value);
    if (is_new) entry->second = find_site(stack);
    return entry->second;
  }

  // An object in a module's image. The offset inside it is left out: it would tell array elements apart, and
  // change with the layout.
  Place object(const Frame& place) const {
    std::string name = names_.object(place);
    if (name.empty()) return without_symbol(place);
    if (const std::size_t offset = name.rfind("+0x"); offset != std::string::npos) name.resize(offset);
    return {name + '@' + module_name(place.module), name};
  }

 private:
  Place find_site(StackId stack) const {
    const Frame* fallback = nullptr;
    for (const Frame& frame : model_.frames(stack)) {
      if (!frame.module || rules_.is_wrapper_module(model_.modules[frame.module].path)) continue;
      const std::vector<std::string> functions = names_.functions(frame);
      if (functions.empty()) return without_symbol(frame);
      const auto user = std::ranges::find_if(functions, [&](const auto& f) { return !rules_.is_wrapper(f); });
      if (user != functions.end()) return named(*user, frame);
      if (!fallback) fallback = &frame;
    }
    if (fallback) return named(names_.functions(*fallback).back(), *fallback);
    return {"?", "?", Stability::Low};
  }

  Place named(const std::string& function, const Frame& frame) const {
    return {function + '@' + module_name(frame.module), function};
  }

  Place without_symbol(const Frame& frame) const {
    if (!frame.module) return {"?", "?", Stability::Low};
    const std::string& build_id = model_.modules[frame.module].build_id;
    const std::string offset = '+' + hexadecimal(frame.offset);
    const std::string module = module_name(frame.module);
    return {(build_id.empty() ? module : build_id) + offset, module + offset, Stability::Low};
  }

  std::string module_name(ModuleId module) const {
    return module ? std::string(file_name(model_.modules[module].path)) : std::string("?");
  }

  const Model& model_;
  const FrameNames& names_;
  const ClassRules& rules_;
  std::unordered_map<std::uint32_t, Place> sites_;
};

// Classes of unnamed locks are shown with the kind of lock they are, so that a function's name does not pass
// for a lock's.
LockClass shown_with_kind(const Lock& lock, std::string_view how, const Place& place) {
  return {std::string(how) + ':' + place.key, std::string(spelling(lock.kind)) + '(' + place.name + ')',
          place.stability};
}

LockClass class_by_sites(const Lock& lock, const std::vector<const Place*>& sites) {
  constexpr std::size_t kShown = 3;
  std::map<std::string, const Place*> sorted;
  for (const Place* site : sites) sorted.emplace(site->key, site);
  Place all;
  std::set<std::string> shown;
  for (const auto& [key, site] : sorted) {
    all.key += (all.key.empty() ? "" : ",") + key;
    shown.insert(site->name);
    all.stability = std::min(all.stability, site->stability);
  }
  std::size_t listed = 0;
  for (const std::string& name : shown) {
    if (listed++ == kShown) break;
    all.name += (all.name.empty() ? "" : ", ") + name;
  }
  if (shown.size() > kShown) all.name += ", +" + std::to_string(shown.size() - kShown);
  return shown_with_kind(lock, "sites", all);
}

}  // namespace

ClassRules ClassRules::defaults() {
  return {
      .modules = {"libc.so", "libc-", "libpthread", "libstdc++.so", "libc++.so", "libc++abi.so",
                  "libgcc_s.so", "ld-linux", "libfaultline"},
      .scopes = {"std::", "__gnu_cxx::", "__gthread", "boost::", "absl::", "pthread_", "__pthread_", "mtx_"},
      .functions = {"lock",       "lockshared", "lockexclusive", "trylock",    "lockread",   "lockwrite",
                    "readlock",   "writelock",  "rdlock",        "wrlock",     "acquire",    "mutexlock",
                    "lockmutex",  "mutexinit",  "initmutex",     "lockinit",   "initlock",   "lockguard",
                    "guard",      "locker",     "lockholder",    "autolock",   "autolocker", "scopedlock",
                    "uniquelock", "sharedlock", "mutexlocker",   "mutexguard", "readlocker", "writelocker"},
  };
}

bool ClassRules::is_wrapper_module(std::string_view path) const {
  return starts_with_any(file_name(path), modules);
}

bool ClassRules::is_wrapper(std::string_view function) const {
  if (starts_with_any(function, scopes)) return true;
  std::string plain;
  for (const char c : last_part(function))
    if (c != '_' && c != '~') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::find(functions, plain) != functions.end();
}

LockClasses::LockClasses(const Model& model, const FrameNames& names, const ClassRules& rules) {
  Places places(model, names, rules);

  // Which locks go by the set of their acquisition sites, and those sites.
  const auto by_sites = [&](const Lock& lock) {
    return lock.name.empty() && !lock.is_static && !lock.init && lock.kind != LockKind::Service &&
           lock.kind != LockKind::MmapLock;
  };
  std::vector<std::pair<LockId, StackId>> taken;
  for (const HeldNode& held : model.held)
    if (by_sites(model.locks[held.lock])) taken.emplace_back(held.lock, held.stack);
  for (const Dependency& dependency : model.dependencies)
    // A fault is where a page was touched, not where the lock is taken.
    if (dependency.cause != Cause::Fault && by_sites(model.locks[dependency.to]))
      taken.emplace_back(dependency.to, dependency.stack);
  std::ranges::sort(taken);
  taken.erase(std::unique(taken.begin(), taken.end()), taken.end());

  std::map<std::string, Vertex> by_key;
  class_of_.reserve(model.locks.size());
  auto next_site = taken.begin();
  for (const LockId id : model.locks.ids()) {
    const Lock& lock = model.locks[id];
    std::vector<const Place*> sites;
    for (; next_site != taken.end() && next_site->first == id; ++next_site)
      sites.push_back(&places.site(next_site->second));
    LockClass made;
    if (!lock.name.empty()) {
      made = {"name:" + lock.name, lock.name};
    } else if (lock.kind == LockKind::Service) {
      made = {"service:uffd", "service(uffd)"};
    } else if (lock.kind == LockKind::MmapLock) {
      made = {"model:mmap_lock", "mmap_lock"};
    } else if (lock.is_static) {
      const Place object = places.object(lock.place);
      made = {"static:" + object.key, object.name, object.stability};
    } else if (lock.init) {
      made = shown_with_kind(lock, "init", places.site(lock.init));
    } else {
      made = class_by_sites(lock, sites);
    }
    const auto [entry, is_new] = by_key.try_emplace(made.key, static_cast<Vertex>(classes_.size()));
    if (is_new) classes_.push_back(std::move(made));
    class_of_.push_back(entry->second);
  }
}

}  // namespace faultline
