// From one JSON object to one typed record: required fields, spellings, and ids that earlier records defined.
//
// Part of the trace reader; knows nothing of files and lines.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "trace_fields.h"
#include "trace_reader.h"

namespace faultline {

inline constexpr const char* kGiveTrace = "give a file that faultline recorded, or a folder of them";

// A record names an id that no earlier record defined.
class UndefinedId : public RecordError {
 public:
  using RecordError::RecordError;
};

// The dense renumbering of the ids of one kind.
class IdMap {
 public:
  // Gives `number` the next dense id. False if it has one already.
  bool define(std::uint32_t number);
  // The dense id of `number`, 0 where it has none.
  std::uint32_t find(std::uint32_t number) const;

 private:
  // Real traces number from 1, nearly without gaps; anything else must work, but need not be fast.
  std::vector<std::uint32_t> near_;
  std::unordered_map<std::uint32_t, std::uint32_t> far_;
  std::uint32_t size_ = 0;
};

class TraceDecoder {
 public:
  explicit TraceDecoder(TraceVisitor& visitor) : visitor_(visitor) {}

  // Hands the record to the visitor; does nothing for a record of an unknown type. Throws RecordError, in
  // which case the visitor saw nothing.
  void decode(simdjson::dom::object object);

  bool has_header() const { return position_ > 0; }
  bool has_stats() const { return position_ > 1; }
  // The shim says that lines are missing, so that a record may name what is not in the file.
  bool lost_lines() const { return lost_lines_; }

 private:
  using Decode = void (TraceDecoder::*)(const Fields&);

  void header(const Fields& fields);
  void stats(const Fields& fields);
  void source(const Fields& fields);
  void module(const Fields& fields);
  void stack(const Fields& fields);
  void thread(const Fields& fields);
  void thread_name(const Fields& fields);
  void exit(const Fields& fields);
  void join(const Fields& fields);
  void lock(const Fields& fields);
  void lock_name(const Fields& fields);
  void class_name(const Fields& fields);
  static bool owner_is_process(const Fields& fields);
  static std::uint8_t subclass(const Fields& fields);
  void role(const Fields& fields);
  void held(const Fields& fields);
  void dependency(const Fields& fields);
  void orphan(const Fields& fields);
  void deadlock(const Fields& fields);
  void state(const Fields& fields);
  void access(const Fields& fields);
  void assertion(const Fields& fields);
  void range(const Fields& fields);
  void end(const Fields& fields);

  static Decode decoder_of(std::string_view type);

  std::uint32_t check_new(const IdMap& ids, const Fields& fields, std::string_view what) const;
  static std::uint32_t required(std::uint32_t number, std::string_view key);
  static std::uint32_t dense(const IdMap& ids, std::uint64_t number, std::string_view what);
  template <class I>
  I resolve(const IdMap& ids, std::uint64_t number, std::string_view what) const {
    return I{dense(ids, number, what)};
  }
  ModuleId a_module(std::uint64_t number) const { return resolve<ModuleId>(modules_, number, "module"); }
  StackId a_stack(std::uint64_t number) const { return resolve<StackId>(stacks_, number, "stack"); }
  ThreadId a_thread(std::uint64_t number) const { return resolve<ThreadId>(threads_, number, "thread"); }
  LockId a_lock(std::uint64_t number) const { return resolve<LockId>(locks_, number, "lock"); }
  HeldId a_held(std::uint64_t number) const { return resolve<HeldId>(held_, number, "held"); }
  StateId a_state(std::uint64_t number) const { return resolve<StateId>(states_, number, "state"); }
  LockId a_service(std::uint64_t number) const;
  FaultRecord fault(const Fields& fields) const;
  static Open open(const Fields& fields);
  std::vector<ThreadId> clients(const Fields& fields) const;
  std::optional<TokenTime> token_time(const Fields& fields, std::string_view key) const;
  DeadlockWait deadlock_wait(const Fields& fields) const;
  Frame frame(simdjson::dom::array pair, std::string_view key) const;

  TraceVisitor& visitor_;
  IdMap modules_, stacks_, threads_, locks_, held_, states_;
  std::vector<LockKind> lock_kinds_;  // by dense id, less one
  std::vector<LockId> held_locks_;    // of held nodes, likewise
  int position_ = 0;                  // records so far, counted up to the second
  bool lost_lines_ = false;
};

}  // namespace faultline
