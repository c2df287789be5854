#include "trace_decoder.h"

#include <algorithm>

#include "trace_format.h"

namespace faultline {
namespace {

// Numbers above this and far beyond those seen go to the hash map, so that a garbled id does not cost
// gigabytes.
constexpr std::uint32_t kNearSlack = 1 << 16;

std::string numbered(std::string_view what, std::uint64_t number) {
  return std::string(what) + ' ' + std::to_string(number);
}

}  // namespace

bool IdMap::define(std::uint32_t number) {
  if (find(number) != 0) return false;
  ++size_;
  if (number < near_.size() + kNearSlack) {
    if (number >= near_.size()) near_.resize(number + 1);
    near_[number] = size_;
  } else {
    far_.emplace(number, size_);
  }
  return true;
}

std::uint32_t IdMap::find(std::uint32_t number) const {
  if (number < near_.size() && near_[number] != 0) return near_[number];
  if (far_.empty()) return 0;
  const auto found = far_.find(number);
  return found == far_.end() ? 0 : found->second;
}

TraceDecoder::Decode TraceDecoder::decoder_of(std::string_view type) {
  static constexpr std::pair<std::string_view, Decode> decoders[] = {
      {"dep", &TraceDecoder::dependency},      {"held", &TraceDecoder::held},
      {"stack", &TraceDecoder::stack},         {"lock", &TraceDecoder::lock},
      {"name", &TraceDecoder::lock_name},      {"class", &TraceDecoder::class_name},
      {"thread", &TraceDecoder::thread},       {"thread_name", &TraceDecoder::thread_name},
      {"exit", &TraceDecoder::exit},           {"join", &TraceDecoder::join},
      {"module", &TraceDecoder::module},       {"orphan", &TraceDecoder::orphan},
      {"range", &TraceDecoder::range},         {"deadlock", &TraceDecoder::deadlock},
      {"role", &TraceDecoder::role},           {"source", &TraceDecoder::source},
      {"access", &TraceDecoder::access},       {"state", &TraceDecoder::state},
      {"assertion", &TraceDecoder::assertion}, {"end", &TraceDecoder::end},
  };
  const auto* const found = std::ranges::find(decoders, type, &std::pair<std::string_view, Decode>::first);
  return found == std::end(decoders) ? nullptr : found->second;
}

void TraceDecoder::decode(simdjson::dom::object object) {
  const auto first = object.begin();
  std::string_view type;
  if (first == object.end() || first.key() != "t" || first.value().get(type))
    throw RecordError("not a record: its first key is not \"t\" with the record's type");
  const Fields fields(object);
  if (position_ == 0) {
    if (type != "trace")
      throw RecordError("not a Faultline trace: the first record is not its header", kGiveTrace);
    header(fields);
    position_ = 1;
  } else if (position_ == 1) {
    if (type != "stats") throw RecordError("the record after the header is not \"stats\"");
    stats(fields);
    position_ = 2;
  } else if (type == "trace" || type == "stats") {
    throw RecordError("a second \"" + std::string(type) + "\" record");
  } else if (const Decode decode_fields = decoder_of(type)) {
    (this->*decode_fields)(fields);
  }
}

std::uint32_t TraceDecoder::check_new(const IdMap& ids, const Fields& fields, std::string_view what) const {
  const std::uint32_t number = required(fields.number32("id"), "id");
  if (ids.find(number) != 0) throw RecordError(numbered(what, number) + " is defined twice");
  return number;
}

std::uint32_t TraceDecoder::required(std::uint32_t number, std::string_view key) {
  if (number == 0) throw RecordError("field \"" + std::string(key) + "\" is 0, which names nothing");
  return number;
}

std::uint32_t TraceDecoder::dense(const IdMap& ids, std::uint64_t number, std::string_view what) {
  if (number == 0) return 0;
  const std::uint32_t dense = number > UINT32_MAX ? 0 : ids.find(static_cast<std::uint32_t>(number));
  if (dense == 0) throw UndefinedId(numbered(what, number) + " is used before it is defined");
  return dense;
}

LockId TraceDecoder::a_service(std::uint64_t number) const {
  const LockId lock = a_lock(number);
  if (lock && lock_kinds_[lock.value - 1] != LockKind::Service)
    throw RecordError(numbered("lock", number) + " is named as a service but is none");
  return lock;
}

Frame TraceDecoder::frame(simdjson::dom::array pair, std::string_view key) const {
  return {a_module(number_at(pair, 0, key)), number_at(pair, 1, key)};
}

void TraceDecoder::header(const Fields& fields) {
  if (fields.text("format") != kTraceFormat)
    throw RecordError("not a Faultline trace: its format is another one", kGiveTrace);
  const std::uint64_t version = fields.number("version");
  if (version != kTraceVersion) {
    throw RecordError("trace of version " + std::to_string(version) + ", but this faultline reads version " +
                          std::to_string(kTraceVersion),
                      "use the faultline it was recorded with");
  }
  visitor_.on_header({.tool = std::string(fields.text_or("tool", "")),
                      .run = std::string(fields.text_or("run", "")),
                      .exe = std::string(fields.text("exe")),
                      .arch = std::string(fields.text_or("arch", "")),
                      .pid = fields.number32("pid"),
                      .ppid = fields.number32_or("ppid", 0),
                      .started = fields.number_or("started", 0),
                      .boot = std::string(fields.text_or("boot", "")),
                      .page_size = fields.number_or("page_size", 0)});
}

void TraceDecoder::stats(const Fields& fields) {
  StatsRecord stats{.threads = fields.number("threads"),
                    .locks = fields.number("locks"),
                    .dependencies = fields.number("dependencies"),
                    .faults = fields.number("faults"),
                    .summarised = fields.number_or("summarised", 0),
                    .lost = {}};
  const Fields lost = fields.object("lost");
  for (const auto field : lost.json()) stats.lost.emplace_back(field.key, lost.number(field.key));
  lost_lines_ = lost.number_or(kLostNames[static_cast<int>(Lost::TraceFull)], 0) > 0;
  visitor_.on_stats(std::move(stats));
}

void TraceDecoder::source(const Fields& fields) {
  visitor_.on_source({.name = std::string(fields.text("name")),
                      .state = std::string(fields.text("state")),
                      .why = std::string(fields.text_or("why", ""))});
}

void TraceDecoder::module(const Fields& fields) {
  const std::uint32_t number = check_new(modules_, fields, "module");
  ModuleRecord record{.path = std::string(fields.text("path")),
                      .build_id = std::string(fields.text_or("build_id", "")),
                      .base = fields.hexadecimal("base"),
                      .start = fields.hexadecimal("start"),
                      .end = fields.hexadecimal("end")};
  modules_.define(number);
  visitor_.on_module(std::move(record));
}

void TraceDecoder::stack(const Fields& fields) {
  const std::uint32_t number = check_new(stacks_, fields, "stack");
  StackRecord record;
  for (const auto element : fields.array("frames")) {
    simdjson::dom::array pair;
    if (element.get(pair)) throw RecordError("field \"frames\" is not a list of [module, offset]");
    record.frames.push_back(frame(pair, "frames"));
  }
  record.by = fields.word_or("by", StackBy::ReturnAddress, StackBy::Unwind);
  stacks_.define(number);
  visitor_.on_stack(std::move(record));
}

void TraceDecoder::thread(const Fields& fields) {
  const std::uint32_t number = check_new(threads_, fields, "thread");
  ThreadRecord record{.number = number,
                      .tid = fields.number32("tid"),
                      .parent = a_thread(fields.number_or("parent", 0)),
                      .parent_epoch = fields.number32_or("parent_epoch", 0),
                      .name = std::string(fields.text_or("name", ""))};
  threads_.define(number);
  visitor_.on_thread(std::move(record));
}

void TraceDecoder::thread_name(const Fields& fields) {
  const ThreadId thread = a_thread(required(fields.number32("id"), "id"));
  visitor_.on_thread_name(thread, std::string(fields.text("name")));
}

void TraceDecoder::exit(const Fields& fields) {
  // Checked but not handed out: an epoch that nothing follows orders nothing.
  a_thread(required(fields.number32("thread"), "thread"));
  fields.number32("epoch");
}

void TraceDecoder::join(const Fields& fields) {
  const JoinRecord record{.thread = a_thread(required(fields.number32("thread"), "thread")),
                          .epoch = required(fields.number32("epoch"), "epoch"),
                          .joined = a_thread(required(fields.number32("joined"), "joined"))};
  if (record.joined == record.thread)
    throw RecordError(numbered("thread", fields.number32("thread")) + " joins itself");
  visitor_.on_join(record);
}

void TraceDecoder::lock(const Fields& fields) {
  LockRecord record;
  record.number = check_new(locks_, fields, "lock");
  record.kind = fields.word("kind", LockKind::MmapLock);
  record.type = fields.word_or("type", MutexType::Adaptive, MutexType::Normal);
  record.prefer = fields.word_or("prefer", RwlockPreference::WriterNonrecursive, RwlockPreference::Reader);
  record.robust = fields.flag_or("robust", false);
  record.shared = fields.flag_or("shared", false);
  record.summary = fields.flag_or("summary", false);
  record.address = fields.hexadecimal("addr");
  record.of_process = owner_is_process(fields);
  record.device = fields.number_or("device", 0);
  record.inode = fields.number_or("inode", 0);
  const std::string_view offset = record.kind == LockKind::File ? "start" : "offset";
  record.has_offset = fields.has(offset);
  record.offset = fields.number_or(offset, 0);
  record.events = fields.flag_or("events", false);
  record.thread = a_thread(fields.number32_or("thread", 0));
  if ((record.kind == LockKind::Thread) != bool(record.thread))
    throw RecordError(R"(field "thread" belongs to a lock of kind "thread", and to no other)");
  record.init = a_stack(fields.number_or("init", 0));
  record.first = a_stack(fields.number_or("first", 0));
  if (fields.has("static")) {
    record.is_static = true;
    record.place = frame(fields.array("static"), "static");
  }
  locks_.define(record.number);
  lock_kinds_.push_back(record.kind);
  visitor_.on_lock(record);
}

void TraceDecoder::lock_name(const Fields& fields) {
  const LockId lock = a_lock(required(fields.number32("lock"), "lock"));
  visitor_.on_lock_name(lock, std::string(fields.text("name")));
}

void TraceDecoder::class_name(const Fields& fields) {
  const LockId lock = a_lock(required(fields.number32("lock"), "lock"));
  visitor_.on_class_name(lock, std::string(fields.text("name")));
}

void TraceDecoder::role(const Fields& fields) {
  const LockId lock = a_lock(required(fields.number32("lock"), "lock"));
  if (fields.text("role") == "mmap_lock") visitor_.on_mmap_lock(lock);
}

bool TraceDecoder::owner_is_process(const Fields& fields) {
  const std::string_view owner = fields.text_or("owner", "description");
  if (owner != "description" && owner != "process")
    throw RecordError(R"(field "owner" is neither "description" nor "process")");
  return owner == "process";
}

std::uint8_t TraceDecoder::subclass(const Fields& fields) {
  const std::uint32_t subclass = fields.number32_or("subclass", 0);
  if (subclass > UINT8_MAX) throw RecordError("field \"subclass\" is over 255");
  return static_cast<std::uint8_t>(subclass);
}

void TraceDecoder::held(const Fields& fields) {
  const std::uint32_t number = check_new(held_, fields, "held");
  const HeldRecord record{.under = a_held(fields.number("under")),
                          .lock = a_lock(required(fields.number32("lock"), "lock")),
                          .mode = fields.word("mode", Mode::SharedFair),
                          .stack = a_stack(fields.number("stack")),
                          .trylock = fields.flag_or("try", false),
                          .relock = fields.flag_or("relock", false),
                          .subclass = subclass(fields)};
  held_.define(number);
  held_locks_.push_back(record.lock);
  visitor_.on_held(record);
}

FaultRecord TraceDecoder::fault(const Fields& fields) const {
  const std::string_view from = fields.text_or("stack_from", "last-recorded");
  if (from != "registers" && from != "last-recorded")
    throw RecordError(R"(field "stack_from" is neither "registers" nor "last-recorded")");
  return {.address = fields.hexadecimal("address"),
          .access = fields.word_or("access", Access::Unknown, Access::Unknown),
          .origin = fields.word_or("origin", Origin::Event, Origin::Unknown),
          .service = a_service(fields.number_or("service", 0)),
          .stack_is_registers = from == "registers"};
}

Open TraceDecoder::open(const Fields& fields) {
  if (!fields.has("open")) return Open::No;
  const std::string_view open = fields.text("open");
  if (open != "epochs" && open != "threads")
    throw RecordError(R"(field "open" is neither "epochs" nor "threads")");
  return open == "epochs" ? Open::Epochs : Open::Threads;
}

void TraceDecoder::dependency(const Fields& fields) {
  DependencyRecord record;
  record.thread = a_thread(required(fields.number32("thread"), "thread"));
  record.epoch = required(fields.number32("epoch"), "epoch");
  record.under = a_held(fields.number("under"));
  record.to = a_lock(required(fields.number32("to"), "to"));
  record.mode = fields.word("mode", Mode::SharedFair);
  record.stack = a_stack(fields.number("stack"));
  record.cause = fields.word("cause", Cause::Mmap);
  record.timed = fields.flag_or("timed", false);
  record.observed = fields.flag_or("observed", true);
  record.subclass = subclass(fields);
  record.open = open(fields);
  if (fields.has("serves")) record.serves = fields.hexadecimal("serves");
  if (fields.has("via")) {
    const Fields via = fields.object("via");
    record.via_service = a_service(required(via.number32("service"), "service"));
    record.via_thread = a_thread(via.number_or("thread", 0));
  }
  if (record.cause == Cause::Fault || fields.has("fault")) record.fault = fault(fields.object("fault"));
  visitor_.on_dependency(record);
}

void TraceDecoder::orphan(const Fields& fields) {
  OrphanRecord record;
  DependencyRecord& wait = record.wait;
  wait.thread = a_thread(required(fields.number32("thread"), "thread"));
  wait.epoch = required(fields.number32("epoch"), "epoch");
  wait.under = a_held(required(fields.number32("held"), "held"));
  wait.to = held_locks_[wait.under.value - 1];
  wait.mode = fields.word("mode", Mode::SharedFair);
  wait.stack = a_stack(fields.number("stack"));
  wait.timed = fields.flag_or("timed", false);
  wait.orphan = true;
  record.holder_tid = fields.number32_or("holder_tid", 0);
  record.holder_name = fields.text_or("holder_name", "");
  visitor_.on_orphan(std::move(record));
}

DeadlockWait TraceDecoder::deadlock_wait(const Fields& fields) const {
  return {.thread = a_thread(required(fields.number32("thread"), "thread")),
          .under = a_held(fields.number("under")),
          .to = a_lock(fields.number("to")),
          .mode = fields.word("mode", Mode::SharedFair),
          .stack = a_stack(fields.number("stack")),
          .cause = fields.word("cause", Cause::Mmap),
          .what = std::string(fields.text("for")),
          .address = fields.hexadecimal("addr"),
          .joins = a_thread(fields.number_or("joins", 0))};
}

void TraceDecoder::deadlock(const Fields& fields) {
  DeadlockRecord record{.kind = fields.word("kind", DeadlockKind::Stall),
                        .gone = fields.number32_or("gone", 0),
                        .others = fields.number_or("others", 0),
                        .waits = {}};
  for (const auto element : fields.array("threads")) {
    simdjson::dom::object wait;
    if (element.get(wait)) throw RecordError("field \"threads\" is not a list of objects");
    record.waits.push_back(deadlock_wait(Fields(wait)));
  }
  if (record.waits.empty()) throw RecordError("a deadlock without threads");
  visitor_.on_deadlock(std::move(record));
}

void TraceDecoder::range(const Fields& fields) {
  RangeRecord record{.service = a_service(required(fields.number32("service"), "service")),
                     .start = fields.hexadecimal("start"),
                     .length = fields.hexadecimal("length"),
                     .modes = {}};
  for (const auto element : fields.array("modes")) {
    std::string_view mode;
    if (element.get(mode)) throw RecordError("field \"modes\" is not a list of strings");
    record.modes.emplace_back(mode);
  }
  visitor_.on_range(std::move(record));
}

void TraceDecoder::end(const Fields& fields) {
  visitor_.on_end(fields.number_or("at", 0));
}

}  // namespace faultline
