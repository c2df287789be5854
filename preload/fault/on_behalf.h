// A thread that serves page faults acts for the threads that wait for it: what they hold nobody else can take
// meanwhile, so it counts as held where the server uses what those locks guard.
//
// Known are the faults whose messages the thread has read itself and that are not resolved yet: a thread that
// it hands the work to acts for nobody. In guarded sections of the serving thread.
#pragma once

#include "fault/pending_faults.h"
#include "json_line.h"
#include "record/held_stack.h"

namespace faultline {

// The threads that the calling thread acts for.
struct Clients {
  static constexpr std::size_t kMost = 16;
  const PendingFault* faults[kMost];
  std::size_t count;
  std::uint64_t key;  // of the threads and what they hold; 0: none
};
Clients clients_of(const ThreadState& server);

// Whether one of them holds the lock at `address`, by an entry that `matches`.
template <class Condition>
bool client_holds(ThreadState& server, const Clients& clients, const volatile void* address,
                  Condition matches) {
  for (std::size_t i = 0; i < clients.count; ++i)
    if (any_held(server, *clients.faults[i]->waiter,
                 [&](const HeldLock& entry, bool) { return entry.address == address && matches(entry); }))
      return true;
  return false;
}

// The node of everything they hold, with what the server holds on top of it; of the latter alone where there
// are none.
HeldId held_with_clients(ThreadState& server, const Clients& clients);

// The key `for` of a record, unless there are none. `clients` must have been given to held_with_clients
// before: their threads are then defined.
void write_clients(JsonLine& line, const Clients& clients);

}  // namespace faultline
