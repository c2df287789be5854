// Locks that several processes share, each known in the trace of every one of them, made one lock.
//
// The services of a userfaultfd by its inode, file locks by file and place, mutexes and rwlocks that are
// shared between processes by the object and the offset they lie at. What such a lock orders in one process
// then meets what it orders in another: a fault in one, served by the other.
//
// Numbers of inodes mean something on one machine from boot to shutdown, and come back: so only processes of
// one boot are joined, and only where their lives, or those of others that join them, overlap. A process that
// left no time of its end (a signal, _exit) may have lived on until its process id was another's or, in a
// `faultline run`, until the last sign of life of that run.
#pragma once

#include "model.h"

namespace faultline {

// Once, on a model that is complete otherwise; before hold_thread_ends. Names and declarations of all the
// locks joined hold for the one that stays, the first. Also sets `end` of each process as far as it can be
// told. Cost: one pass over what names a lock, if any are joined.
void join_shared_locks(Model& model);

}  // namespace faultline
