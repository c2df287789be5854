#include "held_sets.h"

#include <algorithm>

namespace faultline {
namespace {

// Bounds of what is kept to be asked again, about 100 MB each.
constexpr std::size_t kMaxEntries = 12'000'000;
constexpr std::size_t kMaxGates = 2'000'000;

}  // namespace

HeldSets::HeldSets(const Model& model) : model_(model), set_of_(model.held.size() + 1) {
  // A set is its lower set, a lock and a mode. Nodes come after the nodes they stand on.
  std::unordered_map<std::uint64_t, std::uint32_t> numbers;
  for (const HeldId id : model.held.ids()) {
    const HeldNode& node = model.held[id];
    const std::uint64_t top = std::uint64_t{node.lock.value} << 1 | is_shared(node.mode);
    const std::uint64_t key = std::uint64_t{set_of_[node.under.value]} << 33 ^ top;
    const auto next = static_cast<std::uint32_t>(numbers.size() + 1);
    set_of_[id.value] = numbers.try_emplace(key, next).first->second;
  }
}

const HeldSets::Set& HeldSets::set(HeldId node) {
  const auto [entry, is_new] = sets_.try_emplace(set_of(node));
  Set& set = entry->second;
  if (!is_new) return set;
  for (HeldId held = node; held; held = model_.held[held].under) {
    const HeldNode& record = model_.held[held];
    // Nor is a thread's end a gate: it would tell of two orders of one thread only that it is one.
    const LockKind kind = model_.locks[record.lock].kind;
    if (kind != LockKind::Service && kind != LockKind::Thread)
      set.push_back({record.lock, record.mode == Mode::Exclusive});
  }
  // Of a lock held more than once the exclusive hold comes first and stays.
  std::ranges::sort(set, [](const Entry& a, const Entry& b) {
    return a.lock != b.lock ? a.lock < b.lock : a.exclusive > b.exclusive;
  });
  const auto same_lock = [](const Entry& a, const Entry& b) { return a.lock == b.lock; };
  set.erase(std::unique(set.begin(), set.end(), same_lock), set.end());
  entries_ += set.size();
  steps_ += set.size();
  return set;
}

LockId HeldSets::gate(HeldId a, HeldId b) {
  if (!a || !b) return {};
  const auto [low, high] = std::minmax({set_of(a), set_of(b)});
  const std::uint64_t key = std::uint64_t{low} << 32 | high;
  ++steps_;
  if (const auto found = gates_.find(key); found != gates_.end()) return found->second;
  if (entries_ > kMaxEntries) {
    sets_.clear();
    entries_ = 0;
  }
  if (gates_.size() > kMaxGates) gates_.clear();
  const Set& set_a = set(a);
  const Set& set_b = set(b);
  const LockId gate = set_a.size() <= set_b.size() ? find_gate(set_a, set_b) : find_gate(set_b, set_a);
  gates_.emplace(key, gate);
  return gate;
}

LockId HeldSets::find_gate(const Set& small, const Set& large) {
  auto from = large.begin();
  for (const Entry& entry : small) {
    ++steps_;
    from = std::lower_bound(from, large.end(), entry.lock,
                            [](const Entry& other, LockId lock) { return other.lock < lock; });
    if (from == large.end()) break;
    if (from->lock == entry.lock && (from->exclusive || entry.exclusive)) return entry.lock;
  }
  return {};
}

}  // namespace faultline
