// The threads of abba_handed_over, but the first locks the list while it still has the baton: both orders are
// there.
#include <pthread.h>

#include <semaphore>
#include <thread>

pthread_mutex_t baton = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
std::binary_semaphore taken{0};
std::binary_semaphore given_back{0};

void taker() {
  pthread_mutex_lock(&baton);
  pthread_mutex_lock(&list_lock);
  pthread_mutex_unlock(&list_lock);
  taken.release();
  given_back.acquire();
}

void giver() {
  taken.acquire();
  pthread_mutex_unlock(&baton);
  given_back.release();
  pthread_mutex_lock(&list_lock);
  pthread_mutex_lock(&baton);
  pthread_mutex_unlock(&baton);
  pthread_mutex_unlock(&list_lock);
}

int main() {
  std::thread first(taker);
  std::thread second(giver);
  first.join();
  second.join();
}
