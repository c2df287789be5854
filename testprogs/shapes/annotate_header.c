/* Every annotation that C has, in one function: compiled in each mode of the language, never run. */
#include <faultline/annotate.h>

void annotate_all(pthread_mutex_t* mutex, volatile int* spin, const char* memory);

void annotate_all(pthread_mutex_t* mutex, volatile int* spin, const char* memory) {
  char own;
  faultline_name_mutex(mutex, "mutex");
  faultline_name_spin(spin, "spin");
  faultline_name_class(mutex, FAULTLINE_MUTEX, "mutexes");
  faultline_mmap_lock_mutex(mutex);
  faultline_lock_created(&own, NULL);
  faultline_acquire_begin(&own, FAULTLINE_SHARED_FAIR | FAULTLINE_TIMED);
  faultline_acquire_failed(&own);
  faultline_acquired(&own, FAULTLINE_EXCLUSIVE | FAULTLINE_RECURSIVE);
  faultline_nested(1);
  faultline_try_acquired(&own, FAULTLINE_SHARED);
  faultline_might_fault(memory, 1);
  faultline_recording(0);
  faultline_release(&own);
  faultline_recording(1);
  faultline_lock_destroyed(&own);
  faultline_assert_held(mutex, FAULTLINE_EXCLUSIVE);
  faultline_assert_not_held(mutex);
  faultline_state_created(&own);
  faultline_state_read(&own, "state");
  faultline_state_write(&own, "state");
  faultline_state_racy_read(&own, "state");
  faultline_token_give(&own, "token");
  faultline_token_revoke(&own, "token");
  faultline_token_require(&own, "token");
  faultline_token_take(&own, "token");
  faultline_fault_disable();
  faultline_fault_enable();
}
