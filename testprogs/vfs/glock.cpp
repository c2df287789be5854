#include "glock.h"

#include <faultline/annotate.h>

namespace tvfs {
namespace {

class SpinGuard {
 public:
  explicit SpinGuard(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) flag_.wait(true);
  }
  ~SpinGuard() {
    flag_.clear(std::memory_order_release);
    flag_.notify_one();
  }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  std::atomic_flag& flag_;
};

int declared(GlockMode mode) {
  return mode == GlockMode::Exclusive ? FAULTLINE_EXCLUSIVE : FAULTLINE_SHARED_FAIR;
}

}  // namespace

Glock::Glock(const char* name) {
  faultline_lock_created(this, name);
}

Glock::~Glock() {
  faultline_lock_destroyed(this);
}

void Glock::enqueue(GlockHolder& holder) {
  const SpinGuard guard(queue_lock_);
  (last_ == nullptr ? first_ : last_->next_) = &holder;
  last_ = &holder;
  waiting_.fetch_add(1, std::memory_order_release);
  run_queue();
}

void Glock::dequeue(const GlockHolder& holder) {
  const SpinGuard guard(queue_lock_);
  if (holder.mode_ == GlockMode::Exclusive)
    exclusive_ = false;
  else
    --shared_;
  run_queue();
}

// queue_lock_ is held.
void Glock::run_queue() {
  bool any = false;
  while (first_ != nullptr) {
    GlockHolder& holder = *first_;
    const bool wants_exclusive = holder.mode_ == GlockMode::Exclusive;
    if (exclusive_ || (wants_exclusive && shared_ > 0)) break;
    if (wants_exclusive)
      exclusive_ = true;
    else
      ++shared_;
    first_ = holder.next_;
    if (first_ == nullptr) last_ = nullptr;
    waiting_.fetch_sub(1, std::memory_order_release);
    holder.granted_.store(true, std::memory_order_release);  // from here on its thread may take it away
    any = true;
  }
  if (!any) return;
  changes_.fetch_add(1, std::memory_order_release);
  changes_.notify_all();
}

GlockHolder::GlockHolder(Glock& glock, GlockMode mode) : glock_(glock), mode_(mode) {
  faultline_acquire_begin(&glock_, declared(mode_));
  glock_.enqueue(*this);
  for (;;) {
    const unsigned seen = glock_.changes_.load(std::memory_order_acquire);
    if (granted_.load(std::memory_order_acquire)) break;
    glock_.changes_.wait(seen, std::memory_order_acquire);
  }
  faultline_acquired(&glock_, declared(mode_));
}

GlockHolder::~GlockHolder() {
  faultline_release(&glock_);
  glock_.dequeue(*this);
}

}  // namespace tvfs
