// Semaphores that are used as locks, and those that are not.
//
// One that is initialised to 1 is taken for a lock: held from its wait to its post. It shows to be a signal
// instead, and is only waited for from then on, when it is posted while nobody holds it, or waited for again
// by its holder (who counts on another thread's post). A post by another thread than the holder alone is a
// hand-over. All others, and those whose initialisation was not seen (sem_open), are only waited for.
//
// Any thread; a post also in a signal handler.
#pragma once

#include <semaphore.h>

#include "record/waits.h"

namespace faultline {

void semaphore_initialised(sem_t* semaphore, unsigned value, CallPoint at);
void semaphore_destroyed(sem_t* semaphore);

// Whether the semaphore was pushed on the held stack: then a wait that fails must take it off again, by
// wait_failed.
bool before_semaphore_wait(sem_t* semaphore, WaitKind wait, CallPoint at);
void semaphore_taken_by_try(sem_t* semaphore, CallPoint at);
void before_semaphore_post(sem_t* semaphore);

}  // namespace faultline
