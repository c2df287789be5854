// The thread that takes the part of the kernel's fault path: it serves the faults of all threads of an Mm,
// one after the other, those that system calls meet included.
//
// In a kernel the thread that faulted runs this code itself. Here it sleeps meanwhile and keeps what it
// holds, so every lock the handler takes is taken on its behalf; that is how a validator must see it. The
// handler therefore holds nothing while it waits for a message, and must never wait for a lock whose holder
// may fault.
#pragma once

#include "mm.h"
#include "thread.h"

namespace tvfs {

class FaultHandler {
 public:
  explicit FaultHandler(Mm& mm);

  // Stops the thread. Nobody may touch mapped memory any more.
  ~FaultHandler();
  FaultHandler(const FaultHandler&) = delete;
  FaultHandler& operator=(const FaultHandler&) = delete;

 private:
  void serve();

  Mm& mm_;
  int stop_;  // an eventfd, readable when the thread must end
  Thread thread_;
};

}  // namespace tvfs
