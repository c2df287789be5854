// The records of what a program says of its state: guarded state, and assertions that do not hold.
#include "trace_decoder.h"

namespace faultline {

void TraceDecoder::state(const Fields& fields) {
  const std::uint32_t number = check_new(states_, fields, "state");
  StateRecord record{.name = std::string(fields.text("name")), .address = fields.hexadecimal("addr")};
  states_.define(number);
  visitor_.on_state(std::move(record));
}

std::vector<ThreadId> TraceDecoder::clients(const Fields& fields) const {
  std::vector<ThreadId> clients;
  if (!fields.has("for")) return clients;
  const auto list = fields.array("for");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const ThreadId client = a_thread(number_at(list, i, "for"));
    if (client) clients.push_back(client);
  }
  return clients;
}

void TraceDecoder::access(const Fields& fields) {
  visitor_.on_access({.thread = a_thread(required(fields.number32("thread"), "thread")),
                      .epoch = required(fields.number32("epoch"), "epoch"),
                      .state = a_state(required(fields.number32("state"), "state")),
                      .under = a_held(fields.number("under")),
                      .stack = a_stack(fields.number("stack")),
                      .writes = fields.flag_or("write", false),
                      .open = open(fields),
                      .clients = clients(fields)});
}

std::optional<TokenTime> TraceDecoder::token_time(const Fields& fields, std::string_view key) const {
  if (!fields.has(key)) return std::nullopt;
  const Fields time = fields.object(key);
  return TokenTime{a_thread(time.number("thread")), a_stack(time.number("stack"))};
}

void TraceDecoder::assertion(const Fields& fields) {
  AssertionRecord record;
  record.claim = fields.word("kind", Claim::Fault);
  record.thread = a_thread(required(fields.number32("thread"), "thread"));
  record.under = a_held(fields.number("under"));
  record.stack = a_stack(fields.number("stack"));
  record.clients = clients(fields);
  switch (record.claim) {
    case Claim::Held:
    case Claim::NotHeld:
      record.lock = a_lock(fields.number("lock"));
      record.address = fields.hexadecimal("addr");
      if (record.claim == Claim::Held) {
        const std::string_view mode = fields.text("mode");
        if (mode != "exclusive" && mode != "shared")
          throw RecordError(R"(field "mode" is neither "exclusive" nor "shared")");
        record.exclusively = mode == "exclusive";
      }
      break;
    case Claim::Token:
      record.token = fields.text("name");
      record.address = fields.hexadecimal("addr");
      record.take = fields.flag_or("take", false);
      record.given = token_time(fields, "given");
      record.revoked = token_time(fields, "revoked");
      break;
    case Claim::Fault:
      record.fault = fault(fields.object("fault"));
      record.disabled = a_stack(fields.number("disabled"));
      break;
  }
  visitor_.on_assertion(std::move(record));
}

}  // namespace faultline
