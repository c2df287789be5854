#include "trace_reader.h"

#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "trace_decoder.h"

namespace faultline {
namespace {

// The bytes of `file` without the NULs behind its last other byte: a killed process leaves the rest of its
// mapping as a hole of any size, which must cost no memory.
std::string read_without_tail(const std::filesystem::path& file) {
  const auto fail = [&] { throw TraceError(file.string() + ": cannot be read: " + std::strerror(errno)); };
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail();
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } const closer{fd};

  std::string bytes;
  std::size_t pending_nuls = 0;
  std::vector<char> chunk(1 << 20);
  for (;;) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail();
    if (got == 0) break;
    const std::string_view part(chunk.data(), static_cast<std::size_t>(got));
    const std::size_t last = part.find_last_not_of('\0');
    if (last == std::string_view::npos) {
      pending_nuls += part.size();
    } else {
      bytes.append(pending_nuls, '\0');
      bytes.append(part.substr(0, last + 1));
      pending_nuls = part.size() - last - 1;
    }
  }
  return bytes;
}

class Reading {
 public:
  Reading(const std::filesystem::path& file, TraceVisitor& visitor)
      : file_(file.string()), decoder_(visitor) {}

  TraceReading run(std::string& bytes) {
    const std::size_t size = bytes.size();
    bytes.append(simdjson::SIMDJSON_PADDING, '\0');
    for (std::size_t begin = 0; begin < size;) {
      ++line_;
      const std::size_t newline = std::min(bytes.find('\n', begin), size);
      segment(std::string_view(bytes).substr(begin, newline - begin), newline < size);
      begin = newline + 1;
    }
    finish();
    return std::move(result_);
  }

 private:
  // What stands between two newlines.
  void segment(std::string_view text, bool has_newline) {
    const bool torn = text.starts_with('\0');
    text.remove_prefix(std::min(text.find_first_not_of('\0'), text.size()));
    simdjson::dom::object object;
    const simdjson::error_code error = parser_.parse(text.data(), text.size(), false).get(object);
    if (!error) {
      record(object);
    } else if (torn) {
      ++torn_;
      warn("a record was torn by the end of its process; it is left out");
    } else if (!decoder_.has_header()) {
      fail(std::string("not a Faultline trace; ") + kGiveTrace);
    } else if (has_newline) {
      fail(std::string("not a record (") + simdjson::error_message(error) + "); " + RecordError::kDamaged);
    } else {
      warn("the last line is cut off; it is left out, what precedes it is used");
    }
  }

  void record(simdjson::dom::object object) {
    try {
      decoder_.decode(object);
    } catch (const UndefinedId& undefined) {
      if (torn_ == 0 && !decoder_.lost_lines()) fail(undefined.what());
      if (dropped_++ == 0) first_dropped_ = line_;
    } catch (const RecordError& wrong) {
      fail(wrong.what());
    }
  }

  void finish() {
    result_.empty = !decoder_.has_header();
    if (decoder_.has_header() && !decoder_.has_stats())
      warn("the trace ends after its header: its process died at once");
    if (dropped_ > 0) {
      line_ = first_dropped_;
      warn(std::to_string(dropped_) +
           " records from here on name something that was lost; they are left out");
    }
  }

  std::string here() const { return file_ + ':' + std::to_string(line_) + ": "; }
  void warn(const std::string& what) { result_.warnings.push_back(here() + what); }
  [[noreturn]] void fail(const std::string& what) const { throw TraceError(here() + what); }

  std::string file_;
  TraceDecoder decoder_;
  simdjson::dom::parser parser_;
  TraceReading result_;
  std::size_t line_ = 0;
  std::size_t torn_ = 0;
  std::size_t dropped_ = 0;
  std::size_t first_dropped_ = 0;
};

}  // namespace

TraceReading read_trace(const std::filesystem::path& file, TraceVisitor& visitor) {
  std::string bytes = read_without_tail(file);
  return Reading(file, visitor).run(bytes);
}

}  // namespace faultline
