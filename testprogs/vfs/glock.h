// A glock (fs/gfs2/glock.c): gfs2's cluster lock over one inode, as one node sees it.
//
// It is unlocked, shared or exclusive, and has a queue of holders, who are granted it in the order they came:
// the first in the queue as soon as its mode fits, and then the next ones as long as theirs do. A waiting
// exclusive holder-to-be therefore blocks every shared one behind it, also one of a thread that holds the
// lock shared already. Nobody is recognised: a thread that asks twice waits for itself.
//
// No pthread lock is in it: a validator knows it by what it declares through annotate.h. Safe from any
// thread; nobody may use it any more when it goes.
#pragma once

#include <atomic>

namespace tvfs {

// The kernel's LM_ST_SHARED and LM_ST_EXCLUSIVE.
enum class GlockMode { Shared, Exclusive };

class GlockHolder;

class Glock {
 public:
  // `name`: of its class.
  explicit Glock(const char* name);
  ~Glock();
  Glock(const Glock&) = delete;
  Glock& operator=(const Glock&) = delete;

  // Whether somebody waits for it at this moment: only for schedules that must come to that.
  bool has_waiters() const { return waiting_.load(std::memory_order_acquire) != 0; }

 private:
  friend class GlockHolder;

  void enqueue(GlockHolder& holder);
  void dequeue(const GlockHolder& holder);
  void run_queue();

  std::atomic<unsigned> changes_{0};  // counts grants: what waiters sleep on
  std::atomic<int> waiting_{0};
  std::atomic_flag queue_lock_;  // over what follows, for a few instructions
  int shared_ = 0;               // granted holders
  bool exclusive_ = false;
  GlockHolder* first_ = nullptr;  // those that wait
  GlockHolder* last_ = nullptr;
};

// One holder of a glock (struct gfs2_holder): waits in the constructor, gives it up in the destructor, both
// in the thread that made it.
class GlockHolder {
 public:
  GlockHolder(Glock& glock, GlockMode mode);
  ~GlockHolder();
  GlockHolder(const GlockHolder&) = delete;
  GlockHolder& operator=(const GlockHolder&) = delete;

 private:
  friend class Glock;

  Glock& glock_;
  const GlockMode mode_;
  std::atomic<bool> granted_{false};
  GlockHolder* next_ = nullptr;  // under the glock's queue_lock_
};

}  // namespace tvfs
