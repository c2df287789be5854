// Four threads take a pair of locks at each of 128 places, and come to each place together.
#include <array>
#include <barrier>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

constexpr int kPlaces = 128;
constexpr int kThreads = 4;
std::array<std::mutex, kPlaces> outer;
std::array<std::mutex, kPlaces> inner;
std::barrier together(kThreads);

template <int place>
[[gnu::noinline]] void take_pair() {
  together.arrive_and_wait();
  std::lock_guard first(outer[place]);
  std::lock_guard second(inner[place]);
}

template <int... places>
void take_pairs(std::integer_sequence<int, places...>) {
  (take_pair<places>(), ...);
}

void take_all_pairs() {
  take_pairs(std::make_integer_sequence<int, kPlaces>());
}

int main() {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(take_all_pairs);
  for (std::thread& thread : threads) thread.join();
}
