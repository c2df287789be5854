// A pthread with a name, which debuggers and the validator show.
#pragma once

#include <pthread.h>

#include "panic.h"

namespace tvfs {

class Thread {
 public:
  // `name`: at most 15 bytes. Starts `body(argument)` at once. A plain function keeps the bottom of every
  // stack short.
  Thread(const char* name, void (*body)(void*), void* argument)
      : name_(name), body_(body), argument_(argument) {
    must(pthread_create(&thread_, nullptr, run, this), "pthread_create");
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  // Exactly once, before the object goes.
  void join() { must(pthread_join(thread_, nullptr), "pthread_join"); }

 private:
  static void* run(void* self) {
    const auto* const thread = static_cast<Thread*>(self);
    must(pthread_setname_np(pthread_self(), thread->name_), "pthread_setname_np");
    thread->body_(thread->argument_);
    return nullptr;
  }

  const char* name_;
  void (*body_)(void*);
  void* argument_;
  pthread_t thread_{};
};

}  // namespace tvfs
