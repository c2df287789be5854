// Which locks are of one class, and what it is called.
//
// Findings are found on instances and named by class, so that a thousand accounts with a lock each make one
// finding, on every run the same one. A class goes by, in this order: an annotated name; the static object
// the lock is or lies in; of a thread's end, the function the thread was started with; the function that
// initialised it; the functions that were seen to take it, as one sorted set. Functions are taken past
// wrappers (ClassRules), each with its module. Code without symbols goes by build id and offset: good until
// the next build. A lambda has no name of its own: it goes by the next function outward that has one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "finding.h"
#include "frame_names.h"
#include "lock_graph.h"
#include "lock_places.h"
#include "model.h"

namespace faultline {

// What is not a lock's user but a way to lock it: such frames are passed over when a site is named.
struct ClassRules {
  std::vector<std::string> modules;    // starts of file names
  std::vector<std::string> scopes;     // starts of qualified function names
  std::vector<std::string> functions;  // last parts of names, lower case, without underscores

  static ClassRules defaults();
  bool is_wrapper_module(std::string_view path) const;
  bool is_wrapper(std::string_view function) const;
};

struct LockClass {
  std::string key;   // what the fingerprint is made of: no address, no line, the same on every run
  std::string name;  // what people read
  Stability stability = Stability::High;  // low, too, where unnamed code made one class of several locks
  bool is_unnamed = false;                // it rests on nothing but lambdas and where they were called
};

class LockClasses {
 public:
  // Keeps references to model and names.
  LockClasses(const Model& model, const FrameNames& names, ClassRules rules = ClassRules::defaults());
  LockClasses(const LockClasses&) = delete;
  LockClasses& operator=(const LockClasses&) = delete;

  // Different locks of one class that stand in one cycle are the sign of a wrapper that ClassRules does not
  // know. Each entry is the locks of one cycle, each once. Where so many callers as are needed, up to
  // kMaxCallers, tell all such locks of a class apart, in every cycle, the class is split by them; where
  // they cannot (two accounts in one transfer), it stays. Classes by name or static object always stay.
  void tell_apart(const std::set<std::vector<LockId>>& cycles);
  static constexpr std::size_t kMaxCallers = 3;

  const LockClass& of(LockId lock) const { return classes_[class_of_[lock.value - 1]]; }
  const LockClass& operator[](Vertex lock_class) const { return classes_[lock_class]; }
  std::size_t size() const { return classes_.size(); }
  // The class of each lock, as the vertices of a graph of classes.
  const VertexMap& map() const { return class_of_; }

 private:
  LockClass class_of_thread(const Lock& end) const;
  LockClass make_class(LockId lock, std::size_t callers);
  void classify();

  const Model& model_;
  const ClassRules rules_;
  Places places_;
  std::vector<std::pair<LockId, StackId>> taken_;  // where those were taken that go by it; sorted
  std::map<ThreadId, StackId> stacks_;             // of threads whose ends are locks, any one stack of each
  std::map<std::string, std::size_t> callers_;     // by key without them: how many a class needs
  std::vector<LockClass> classes_;
  VertexMap class_of_;
};

}  // namespace faultline
