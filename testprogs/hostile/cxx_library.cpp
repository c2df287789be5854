// Loaded by a C program: a static variable in a function, initialised by the first of two threads that come,
// after a try that failed.
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace {

int tries = 0;

int make_value() {
  if (++tries == 1) throw std::runtime_error("the first try fails");
  std::this_thread::yield();
  return 42;
}

int value() {
  static const int made = make_value();
  return made;
}

}  // namespace

extern "C" void use_library() {
  try {
    value();
  } catch (const std::runtime_error& error) {
    std::printf("%s\n", error.what());
  }
  int first = 0, second = 0;
  std::thread one([&] { first = value(); });
  std::thread two([&] { second = value(); });
  one.join();
  two.join();
  std::printf("%d %d, tries %d\n", first, second, tries);
}
