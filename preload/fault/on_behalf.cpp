#include "fault/on_behalf.h"

#include "record/dependencies.h"

namespace faultline {

Clients clients_of(const ThreadState& server) {
  Clients clients{};
  if (!server.is_server) return clients;
  PendingFault* faults[Clients::kMost];
  const std::size_t count = pending_read_by(server.id, faults, Clients::kMost);
  for (std::size_t i = 0; i < count; ++i) {
    if (faults[i]->waiter == nullptr || !still_waits(*faults[i])) continue;
    clients.faults[clients.count++] = faults[i];
    clients.key = mix(clients.key + faults[i]->waiter_id.value, faults[i]->held_key);
  }
  return clients;
}

HeldId held_with_clients(ThreadState& server, const Clients& clients) {
  if (clients.count == 0) return held_set(server, server);
  HeldId node = clients.faults[0]->held;
  for (std::size_t i = 0; i < clients.count; ++i) {
    const ThreadState& client = *clients.faults[i]->waiter;
    write_thread_record(server, *clients.faults[i]->waiter);
    if (i > 0 && is_in_state(client, client.top)) node = held_set_above(server, client, node);
  }
  return held_set_above(server, server, node);
}

void write_clients(JsonLine& line, const Clients& clients) {
  if (clients.count == 0) return;
  line.open("for", '[');
  for (std::size_t i = 0; i < clients.count; ++i) line.element(clients.faults[i]->waiter_id.value);
  line.close(']');
}

}  // namespace faultline
