// Who takes the part of the kernel's fault path for an Mm, as it says (FaultsBy).
//
// Handler: a thread that serves the faults of all threads, one after the other, those that system calls meet
// included. In a kernel the thread that faulted runs this code itself. Here it sleeps meanwhile and keeps
// what it holds, so every lock the handler takes is taken on its behalf; that is how a validator must see it.
// The handler therefore holds nothing while it waits for a message, and must never wait for a lock whose
// holder may fault.
//
// Sigbus: the thread that faulted itself, in its signal handler, holding what it holds. There is no thread
// that could be held up. A system call that meets such a page fails with EFAULT (uaccess.h tries again).
#pragma once

#include <optional>

#include "mm.h"
#include "thread.h"

namespace tvfs {

class FaultHandler {
 public:
  explicit FaultHandler(Mm& mm);

  // Nobody may touch mapped memory any more. Stops the thread.
  ~FaultHandler();
  FaultHandler(const FaultHandler&) = delete;
  FaultHandler& operator=(const FaultHandler&) = delete;

 private:
  void serve();

  Mm& mm_;
  int stop_;  // an eventfd, readable when the thread must end
  std::optional<Thread> thread_;
};

}  // namespace tvfs
