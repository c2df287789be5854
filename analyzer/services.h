// Cycles through a page-fault server, told once.
//
// A fault that a server resolves leaves two ways of saying one thing: the thread waits for the service, under
// which the server waits for a lock; and the thread waits for that lock on whose behalf the server takes it.
// The second names the program's own locks only, so where both are there it is the one to report.
#pragma once

#include <vector>

#include "cycles.h"

namespace faultline {

// The cycles with each way through a service (A -> service -> B) replaced by the order taken on the waiting
// thread's behalf (A -> B), where the component has that order and the shorter cycle is at least as severe.
// The others stay: cycles through a service are findings.
std::vector<Cycle> fold_services(const Model& model, const Component& component, CycleSearch& search,
                                 std::vector<Cycle> cycles);

}  // namespace faultline
