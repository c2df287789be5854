// What a program says of its state through faultline/annotate.h, for the table in lock_cases.cpp: native is
// what the calls cost where nobody listens. Nanoseconds per call.
#pragma once

namespace cases {

double state_read();   // of state that two threads use, under a lock, from a known place
double assert_held();  // of the only lock held

}  // namespace cases
