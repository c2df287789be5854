// The Itanium C++ ABI's protocol for the initialisation of a function's static variable, for processes in
// which no library offered it when they started.
//
// A C program that loads a C++ library later has its guards answered by the shim, whose names come first, and
// the library's own functions may be out of reach (RTLD_LOCAL). All three functions go the same way for good,
// so it does not matter that another runtime would have laid the guard's bytes out differently; compiled code
// looks at the first byte only. Like libstdc++'s: a thread that enters an initialiser it is in waits for
// good.
//
// Any thread; waits on a futex, nothing else.
#pragma once

namespace faultline {

// 1: the caller is to initialise, and ends that with one of the other two. 0: it has been done.
int guard_acquire(long long* guard);
void guard_release(long long* guard);
void guard_abort(long long* guard);

}  // namespace faultline
