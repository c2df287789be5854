// What is made, used once and gone again, for the table in lock_cases.cpp: locks, threads, processes.
// Nanoseconds per use.
#pragma once

namespace cases {

double per_use();             // pthread_mutex_init, lock, unlock, pthread_mutex_destroy
double per_use_nested();      // the same inside a lock that stays; its own pair is part of the time
double std_per_use();         // a std::mutex, whose making and end no call announces
double std_per_use_nested();  // the same inside a lock that stays
double create_and_join();     // pthread_create and pthread_join of an empty thread
double start_process();       // posix_spawn of /bin/true, with the environment of this process, and waitpid

}  // namespace cases
