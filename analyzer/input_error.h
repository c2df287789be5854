// What the user gave cannot be used: bad usage, an unreadable or garbled file. what() is one clear line that
// says what is wrong and what to do; the command prints it and exits with status 2.
#pragma once

#include <stdexcept>

namespace faultline {

class InputError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace faultline
