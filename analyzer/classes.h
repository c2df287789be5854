// Which locks are of one class, and what it is called.
//
// Findings are found on instances and named by class, so that a thousand accounts with a lock each make one
// finding, on every run the same one. A class goes by, in this order: an annotated name; the static object
// the lock is or lies in; the function that initialised it; the functions that were seen to take it, as one
// sorted set. Functions are taken past wrappers (ClassRules), each with its module. Code without symbols goes
// by build id and offset: good until the next build.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "finding.h"
#include "frame_names.h"
#include "lock_graph.h"
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
  Stability stability = Stability::High;
};

class LockClasses {
 public:
  LockClasses(const Model& model, const FrameNames& names, const ClassRules& rules = ClassRules::defaults());

  const LockClass& of(LockId lock) const { return classes_[class_of_[lock.value - 1]]; }
  const LockClass& operator[](Vertex lock_class) const { return classes_[lock_class]; }
  std::size_t size() const { return classes_.size(); }
  // The class of each lock, as the vertices of a graph of classes.
  const VertexMap& map() const { return class_of_; }

 private:
  std::vector<LockClass> classes_;
  VertexMap class_of_;
};

}  // namespace faultline
