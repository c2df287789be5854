// Traces by event scripts, so that a test of the judge reads as the lock shape it is about:
//
//   judged("T1: A B -B -A; T2: B A")
//
// expands into the text of a trace, which the reader reads and the judge judges. Words of a script:
//
//   T1:        the following is done by T1, up to the next ';' (a thread may have several parts)
//   A          takes A           -A         releases it (the newest hold of it)
//   A/r A/f    shared, recursive or fair; a lock with such a word is an rwlock, others are mutexes
//   A/t        with a time limit
//   A/u        not observed: could have happened
//   A/e A/o    open: in all later epochs, in any further thread
//   ?A         takes A by trylock
//   @A         holds A from here on, nothing recorded of how it came to it
//   %A         takes A, the wait being recorded even where nothing else is held
//   A.         waits for A but does not get it
//   !A !A/k    page fault, by its own code or inside a system call: waits for A, shared-fair
//   !A=U       the same on a page that service U serves
//   !U/u=U     might fault on that page of U's, but does not
//   A&         takes A for the fault on that page, as its server
//   A^U^T3     the server T3 of service U takes A on behalf of this thread
//   >T2 >T2/t  waits for the end of T2, as a join does before it is over; with a time limit
//   rd(x)      reads the guarded state x, with all it holds; x#2 is the same state of another object
//   wr(x)      writes it; /e and /o as above
//   rd(x)^T3   does so while it serves a page fault of T3
//   held(A)    asserts in vain that it holds A, held(A/r) in any mode; nothel(A) that it does not
//   token(n)   asserts in vain that the token n is there; token(n-T2) that T2 has revoked
//   +T2 <T2    creates T2, joins T2; threads nobody creates are alive all the time
//
// Services begin with U. All other locks are named, so classes are the names.
#pragma once

#include <string>
#include <string_view>

#include "finding.h"
#include "frame_names.h"
#include "judge.h"
#include "model.h"

namespace faultline {

// Knows no names: sites go by module and offset.
class NoNames : public FrameNames {
 public:
  std::vector<std::string> functions(const Frame&) const override { return {}; }
  std::string object(const Frame&) const override { return {}; }
};

// A folder of its own for one test, gone at its end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Writes a file in it.
  std::filesystem::path write(std::string_view name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

// Of the lock `name`, further keys of its record: {"A", R"("type":"recursive")"}. "kind" among them replaces
// its own.
struct LockDetail {
  std::string name;
  std::string json;
};

std::string trace_text(std::string_view script, const std::vector<LockDetail>& details = {});
Model model_of(std::string_view script, const std::vector<LockDetail>& details = {});
Model model_of_trace(std::string_view text);

// The judgement with the model it speaks of.
struct Judged {
  Model model;
  Judgement judgement;

  const std::vector<Finding>& findings() const { return judgement.findings; }
};
Judged judged(std::string_view script, const std::vector<LockDetail>& details = {},
              Policy policy = Policy::Feasible);

// All findings as "severity verdict title", one per line: what most tests match.
std::string outcome(std::string_view script, const std::vector<LockDetail>& details = {},
                    Policy policy = Policy::Feasible);
std::string outcome(const Judgement& judgement);

}  // namespace faultline
