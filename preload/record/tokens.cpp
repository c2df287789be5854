#include "record/tokens.h"

#include "record/assertions.h"
#include "record/stacks.h"

namespace faultline {
namespace {

constexpr std::uint64_t kThere = 1;
constexpr std::uint64_t kGone = 0;

std::uint64_t here(Guard& guard, CallPoint at) {
  const StackId stack = call_site(guard, at).place.stack;
  return static_cast<std::uint64_t>(guard.thread().id.value) << 32 | stack.value;
}

}  // namespace

void give_token(Guard& guard, const volatile void* object, const char* name, CallPoint at) {
  NamedThing* token = thing_at(ThingKind::Token, object, name);
  if (token == nullptr) return;
  token->given.store(here(guard, at), std::memory_order_relaxed);
  token->word.store(kThere, std::memory_order_release);
}

void revoke_token(Guard& guard, const volatile void* object, const char* name, CallPoint at) {
  NamedThing* token = find_thing(ThingKind::Token, object, name);
  if (token == nullptr || token->word.exchange(kGone, std::memory_order_acq_rel) == kGone) return;
  token->revoked.store(here(guard, at), std::memory_order_relaxed);
}

void token_changed_reentered(const volatile void* object, const char* name, bool given) {
  if (NamedThing* token = find_thing(ThingKind::Token, object, name)) {
    token->word.store(given ? kThere : kGone, std::memory_order_release);
  } else if (given) {
    thing_was_lost();
  }
}

void require_token(Guard& guard, const volatile void* object, const char* name, bool take, CallPoint at) {
  NamedThing* token = find_thing(ThingKind::Token, object, name);
  if (token == nullptr) {
    // Where some were lost this may be one of them.
    if (!things_were_lost()) token_missing(guard, {object, name, LastTime{}, LastTime{}, take}, at);
    return;
  }
  const std::uint64_t there = take ? token->word.exchange(kGone, std::memory_order_acq_rel)
                                   : token->word.load(std::memory_order_acquire);
  const LastTime given{token->given.load(std::memory_order_relaxed)};
  const LastTime revoked{token->revoked.load(std::memory_order_relaxed)};
  if (there == kThere) {
    if (take) token->revoked.store(here(guard, at), std::memory_order_relaxed);
  } else {
    token_missing(guard, {object, token->name, given, revoked, take}, at);
  }
}

}  // namespace faultline
