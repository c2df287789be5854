// AB and BA over locks that are members of heap objects, all taken by a scoped lock of the program's own:
// what tells the locks apart is who asked for them, not the wrapper's one line.
#include <pthread.h>

#include <memory>
#include <semaphore>
#include <thread>

class AutoLock {
 public:
  [[gnu::noinline]] explicit AutoLock(pthread_mutex_t& mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
  [[gnu::noinline]] ~AutoLock() { pthread_mutex_unlock(&mutex_); }
  AutoLock(const AutoLock&) = delete;
  AutoLock& operator=(const AutoLock&) = delete;

 private:
  pthread_mutex_t& mutex_;
};

struct Cache {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  int entries = 0;
};

struct Index {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  int keys = 0;
};

const auto cache = std::make_unique<Cache>();
const auto index_of_cache = std::make_unique<Index>();
std::binary_semaphore added{0};

[[gnu::noinline]] void index_add() {
  AutoLock held(index_of_cache->lock);
  ++index_of_cache->keys;
}

[[gnu::noinline]] void cache_add() {
  AutoLock held(cache->lock);
  ++cache->entries;
  index_add();
}

[[gnu::noinline]] void cache_drop() {
  AutoLock held(cache->lock);
  --cache->entries;
}

[[gnu::noinline]] void index_evict() {
  AutoLock held(index_of_cache->lock);
  --index_of_cache->keys;
  cache_drop();
}

int main() {
  std::thread adder([] {
    cache_add();
    added.release();
  });
  std::thread evicter([] {
    added.acquire();
    index_evict();
  });
  adder.join();
  evicter.join();
}
