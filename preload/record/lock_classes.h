// Lock classes as the shim needs them: to decide whether locks are told apart one by one or only by class.
//
// A class is the locks that come to life at one place: the call of their init function, else the call site of
// their first acquisition; or the locks of one annotated name. (The analyzer forms its own, coarser classes.)
// Telling every instance apart costs memory and trace for each pair of locks ever nested; telling classes
// apart costs nothing lasting, but a cycle of classes may be none of instances. So instances are kept
//   - while one class order (a lock of class A held, one of class B wanted) has few of them, and
//   - up to a higher bound where the orders of classes close a cycle: there instances decide.
// Past the bound the classes with many instances are summarised: from then on their locks stand for their
// class. As long as the class orders have no cycle, nothing is lost by that: neither can the instances.
//
// Any thread, within a guarded section. Class numbers are never given twice and outlive a fork.
#pragma once

#include "record/guard.h"

namespace faultline {

using ClassId = Id<struct ClassTag>;

// What a class knows of its locks; never changes.
struct ClassFacts {
  StackId origin;         // of the init call or first acquisition
  bool initialised;       // `origin` is an init call
  const char* name;       // annotated; null where there is none
  LockId representative;  // stands for the class where its instances are not told apart
  LockKind kind;
};

// The class of locks of `kind` that come to life at `origin`, whose call site's identity is `site`.
// ClassId{}: no memory.
ClassId class_of(LockKind kind, bool initialised, std::uint32_t site, StackId origin);

// The class of the locks named `name` (copied) among those of `base`.
ClassId named_class(ClassId base, LockKind kind, const char* name);

// All zero for ClassId{}.
ClassFacts facts_of(ClassId id);

// Whether the locks of this class are told apart at present.
bool keeps_instances(ClassId id);

// Counts an instance of the class that has been given its own number.
void count_instance(ClassId id);

// An order of two classes: a lock of one is held, one of the other waited for.
struct ClassOrder;

// The order, entered if it is new. A new one may close a cycle of classes, which go back to instances: then
// every thread forgets which chains it knows. Null: not possible.
ClassOrder* class_order(ClassId held, ClassId wanted);

// Counts one more dependency of that order between instances. May end that its classes keep them.
void count_dependency(ClassOrder& order);

// The first number that no class has.
std::uint32_t classes_given();

// In a forked child.
void classes_after_fork();

}  // namespace faultline
