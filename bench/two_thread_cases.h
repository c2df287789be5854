// Pairs of lock and unlock by two threads at once, for the table in lock_cases.cpp. Nanoseconds per pair of
// one thread while the other does the same.
#pragma once

namespace cases {

double private_locks();  // each thread has its own lock, on cache lines of its own
double contended();      // both take the same lock

}  // namespace cases
