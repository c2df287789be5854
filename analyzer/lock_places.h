// Pieces of code and data as parts of a lock's class: the same on every run, and as far as their names allow
// in every build.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "finding.h"
#include "frame_names.h"
#include "model.h"

namespace faultline {

struct ClassRules;

struct Place {
  std::string key;
  std::string name;
  Stability stability = Stability::High;
  // The first function in the row is a lambda or the like, whose name only counts: others of the same
  // function have the same key.
  bool is_unnamed = false;
};

// Whether a function's name, its template arguments included, holds the compiler's name for a lambda or a
// local class.
bool names_a_closure(std::string_view function);

// Without the numbers that compilers give closures: "f::{lambda(int)#2}::operator()" and, as debug
// information has it, "f::{lambda}::operator()" are both the latter. A closure written above it would change
// the number.
std::string without_ordinals(std::string_view function);

class Places {
 public:
  // Keeps references to all of them.
  Places(const Model& model, const FrameNames& names, const ClassRules& rules)
      : model_(model), names_(names), rules_(rules) {}

  // Where a call stack leaves the wrappers, and on top of that its next `callers` own functions outward. A
  // closure is told by the next function outward that has a name; where none has, its stability is low.
  const Place& site(StackId stack, std::size_t callers = 0);

  // The outermost function of a call stack that is no wrapper: what a thread was started with.
  Place start(StackId stack) const;

  // An object in a module's image. The offset inside it is left out: it would tell array elements apart, and
  // change with the layout.
  Place object(const Frame& place) const;

 private:
  struct Function {
    std::string name;  // empty where there is no symbol
    const Frame* frame;
  };
  std::vector<Function> users_of(StackId stack, std::size_t callers) const;
  Place find_site(StackId stack, std::size_t callers) const;
  Place place_of(const Function& function) const;
  Place without_symbol(const Frame& frame) const;
  std::string module_name(ModuleId module) const;

  const Model& model_;
  const FrameNames& names_;
  const ClassRules& rules_;
  std::unordered_map<std::uint64_t, Place> sites_;  // by stack and callers
};

}  // namespace faultline
