// Objects that end while their lock is held, each in the memory of the one before: nothing stays held, and
// what is recorded does not grow with their number.
#include <pthread.h>

#include <cstdio>
#include <cstring>

namespace {

pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t object_lock;
pthread_rwlock_t object_map;

void use_object() {
  pthread_mutex_lock(&object_lock);
  pthread_rwlock_wrlock(&object_map);
  pthread_mutex_lock(&list_lock);
  pthread_mutex_unlock(&list_lock);
}

}  // namespace

int main() {
  constexpr int kObjects = 1000;
  for (int i = 0; i < kObjects; ++i) {
    pthread_mutex_init(&object_lock, nullptr);
    pthread_rwlock_init(&object_map, nullptr);
    use_object();
    std::memset(&object_lock, 0xab, sizeof object_lock);
    std::memset(&object_map, 0xab, sizeof object_map);
  }
  std::puts("done");
}
