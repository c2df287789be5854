#include "classes.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "summaries.h"

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

// Classes of unnamed locks are shown with the kind of lock they are, so that a function's name does not pass
// for a lock's.
LockClass shown_with_kind(const Lock& lock, std::string_view how, const Place& place) {
  return {std::string(how) + ':' + place.key, std::string(spelling(lock.kind)) + '(' + place.name + ')',
          place.stability, place.is_unnamed};
}

bool goes_by_code(const Lock& lock) {
  return lock.name.empty() && !lock.is_static && lock.kind != LockKind::Service &&
         lock.kind != LockKind::MmapLock && lock.kind != LockKind::Thread;
}

// The variable that the object guards: demanglers know the guard of a function's static variable by this.
Place of_guarded(Place guard) {
  constexpr std::string_view kGuard = "guard variable for ";
  if (guard.name.starts_with(kGuard)) guard.name.erase(0, kGuard.size());
  return guard;
}

LockClass class_by_sites(const Lock& lock, const std::vector<const Place*>& sites) {
  constexpr std::size_t kShown = 3;
  std::map<std::string, const Place*> sorted;
  for (const Place* site : sites) sorted.emplace(site->key, site);
  Place all;
  all.is_unnamed = !sites.empty();
  std::set<std::string> shown;
  for (const auto& [key, site] : sorted) {
    all.key += (all.key.empty() ? "" : ",") + key;
    shown.insert(site->name);
    all.stability = std::min(all.stability, site->stability);
    all.is_unnamed = all.is_unnamed && site->is_unnamed;
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
      .scopes = {"std::", "__gnu_cxx::", "__gthread", "boost::", "absl::", "pthread_", "__pthread_", "mtx_",
                 "faultline_"},
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

LockClasses::LockClasses(const Model& model, const FrameNames& names, ClassRules rules)
    : model_(model),
      summaries_(summaries_of(model)),
      rules_(std::move(rules)),
      places_(model, names, rules_) {
  const auto by_sites = [&](const Lock& lock) { return goes_by_code(lock) && !lock.init; };
  for (const HeldNode& held : model.held)
    if (by_sites(model.locks[held.lock])) taken_.emplace_back(held.lock, held.stack);
  for (const Dependency& dependency : model.dependencies)
    // A fault is where a page was touched, not where the lock is taken.
    if (dependency.cause != Cause::Fault && by_sites(model.locks[dependency.to]))
      taken_.emplace_back(dependency.to, dependency.stack);
  for (const Lock& lock : model.locks)
    if (lock.thread) stacks_[lock.thread];
  for (const Dependency& dependency : model.dependencies)
    if (const auto known = stacks_.find(dependency.thread);
        known != stacks_.end() && !known->second && !dependency.via_thread)
      known->second = dependency.stack;
  for (const HeldNode& held : model.held)
    if (held.subclass != 0) nested_.emplace(held.lock, held.subclass);
  for (const Dependency& dependency : model.dependencies)
    if (dependency.subclass != 0) nested_.emplace(dependency.to, dependency.subclass);
  std::ranges::sort(taken_);
  taken_.erase(std::unique(taken_.begin(), taken_.end()), taken_.end());
  classify();
}

// A thread that did nothing of note is known by its name only, which programs count and change.
LockClass LockClasses::class_of_thread(const Lock& end) const {
  if (const StackId stack = stacks_.at(end.thread))
    return shown_with_kind(end, "thread", places_.start(stack));
  const std::string& name = model_.threads[end.thread].name;
  return {"thread-name:" + name, "thread(" + name + ')', Stability::Low};
}

LockClass LockClasses::make_class(LockId id, std::size_t callers) {
  const Lock& lock = model_.locks[id];
  if (!lock.name.empty()) return {"name:" + lock.name, lock.name};
  if (lock.kind == LockKind::Service && lock.events) return {"service:uffd-events", "service(uffd events)"};
  if (lock.kind == LockKind::Service && lock.device != 0) return {"service:fuse", "service(fuse)"};
  if (lock.kind == LockKind::Service) return {"service:uffd", "service(uffd)"};
  if (lock.kind == LockKind::MmapLock) return {"model:mmap_lock", "mmap_lock"};
  if (lock.kind == LockKind::Thread) return class_of_thread(lock);
  if (lock.is_static) {
    const Place object = places_.object(lock.place);
    if (lock.kind == LockKind::StaticGuard) return shown_with_kind(lock, "static", of_guarded(object));
    return {"static:" + object.key, object.name, object.stability};
  }
  if (const LockId summary = summaries_[id.value - 1]; summary && summary != id)
    return make_class(summary, callers);
  if (lock.init) return shown_with_kind(lock, "init", places_.site(lock.init, callers));
  std::vector<const Place*> sites;
  for (const auto& [lock_id, stack] :
       std::ranges::equal_range(taken_, id, {}, &std::pair<LockId, StackId>::first))
    sites.push_back(&places_.site(stack, callers));
  // Only ever named, as by an assertion.
  if (sites.empty() && lock.first) sites.push_back(&places_.site(lock.first, callers));
  return class_by_sites(lock, sites);
}

// The annotated names of classes, by their keys without it; of two names for one class the first in order.
std::map<std::string, std::string> LockClasses::class_names() {
  std::map<std::string, std::string> names;
  for (const LockId id : model_.locks.ids()) {
    const Lock& lock = model_.locks[id];
    if (lock.class_name.empty() || !lock.name.empty()) continue;
    const auto [entry, is_new] = names.try_emplace(make_class(id, 0).key, lock.class_name);
    if (!is_new) entry->second = std::min(entry->second, lock.class_name);
  }
  return names;
}

void LockClasses::classify() {
  classes_.clear();
  std::map<std::string, Vertex> by_key;
  std::vector<std::size_t> locks_in;
  const auto vertex_of = [&](LockClass made) {
    const auto [entry, is_new] = by_key.try_emplace(made.key, static_cast<Vertex>(classes_.size()));
    if (is_new) {
      classes_.push_back(std::move(made));
      locks_in.push_back(0);
    }
    ++locks_in[entry->second];
    return entry->second;
  };
  const std::map<std::string, std::string> names = class_names();
  std::vector<Vertex> by_lock;
  by_lock.reserve(model_.locks.size());
  for (const LockId id : model_.locks.ids()) {
    LockClass made = make_class(id, 0);
    if (const auto name = names.find(made.key); name != names.end()) {
      made = {"name:" + name->second, name->second};
    } else if (const auto found = callers_.find(made.key); found != callers_.end()) {
      made = make_class(id, found->second);
    }
    by_lock.push_back(vertex_of(std::move(made)));
  }
  std::map<std::pair<LockId, std::uint8_t>, Vertex> by_subclass;
  for (const auto& [lock, subclass] : nested_) {
    LockClass nested = classes_[by_lock[lock.value - 1]];
    const std::string suffix = '/' + std::to_string(subclass);
    nested.key += suffix;
    nested.name += suffix;
    by_subclass.emplace(std::pair(lock, subclass), vertex_of(std::move(nested)));
  }
  for (std::size_t i = 0; i < classes_.size(); ++i)
    if (classes_[i].is_unnamed && locks_in[i] > 1) classes_[i].stability = Stability::Low;
  vertices_ = VertexMap(std::move(by_lock), std::move(by_subclass));
}

void LockClasses::tell_apart(const std::set<std::vector<LockId>>& cycles) {
  std::map<Vertex, std::vector<std::vector<LockId>>> alike;
  for (const std::vector<LockId>& cycle : cycles) {
    std::map<Vertex, std::vector<LockId>> by_class;
    for (const LockId lock : cycle)
      if (goes_by_code(model_.locks[lock]) && !of(lock).key.starts_with("name:"))
        by_class[vertices_.of(lock, 0)].push_back(lock);
    for (auto& [lock_class, locks] : by_class)
      if (locks.size() > 1) alike[lock_class].push_back(std::move(locks));
  }
  for (const auto& [lock_class, groups] : alike) {
    for (std::size_t callers = 1; callers <= kMaxCallers; ++callers) {
      std::map<LockId, std::string> keys;
      const auto differ = [&](const std::vector<LockId>& locks) {
        std::set<std::string_view> seen;
        return std::ranges::all_of(locks, [&](LockId lock) {
          const auto [entry, is_new] = keys.try_emplace(lock);
          if (is_new) entry->second = make_class(lock, callers).key;
          return seen.insert(entry->second).second;
        });
      };
      if (!std::ranges::all_of(groups, differ)) continue;
      callers_[classes_[lock_class].key] = callers;
      break;
    }
  }
  if (!callers_.empty()) classify();
}

}  // namespace faultline
