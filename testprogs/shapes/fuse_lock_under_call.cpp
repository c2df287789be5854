// fuse_lock_under_call DIRECTORY CALL LOCK: the process serves a file system at DIRECTORY, whose server takes
// the index lock to fill a page. A thread reads the file, so that the kernel has the page; another one then
// makes CALL on it while it holds the index lock ("index") or another one ("other"). Had the page not been
// there, index_lock -> the file system's server -> index_lock.
#include <sys/mman.h>
#include <sys/uio.h>

#include <cstdio>
#include <functional>
#include <map>
#include <mutex>

#include "fuse_notes.h"

std::mutex index_lock;
std::mutex other_lock;

void fill_page(char* content, size_t size) {
  std::lock_guard index(index_lock);
  std::memset(content, 'x', size);
}

// The open file, its path and its mapping.
struct Note {
  int file;
  const char* path;
  const volatile char* mapping;
};
char buffer[64];
iovec piece = {buffer, sizeof buffer};
struct stat status;

const std::map<std::string, std::function<bool(const Note&)>> calls = {
    {"read", [](const Note& n) { return ::read(n.file, buffer, sizeof buffer) > 0; }},
    {"pread", [](const Note& n) { return ::pread(n.file, buffer, sizeof buffer, 0) > 0; }},
    {"readv", [](const Note& n) { return ::readv(n.file, &piece, 1) > 0; }},
    {"preadv", [](const Note& n) { return ::preadv(n.file, &piece, 1, 0) > 0; }},
    {"pwrite", [](const Note& n) { return ::pwrite(n.file, buffer, sizeof buffer, 0) > 0; }},
    {"stat", [](const Note& n) { return ::stat(n.path, &status) == 0; }},
    {"fstat", [](const Note& n) { return ::fstat(n.file, &status) == 0; }},
    {"access", [](const Note& n) { return ::access(n.path, R_OK) == 0; }},
    {"open", [](const Note& n) { return ::close(::open(n.path, O_RDONLY)) == 0; }},
    {"unlink", [](const Note& n) { return ::unlink(n.path) != 0; }},
    {"fsync", [](const Note& n) { return ::fsync(n.file) != 0 || errno == 0; }},
    {"touch, moved", [](const Note& n) { return n.mapping[0] == 'x'; }},
    {"touch", [](const Note& n) { return n.mapping[0] == 'x'; }},
};

[[gnu::noinline]] bool look_up(const std::function<bool(const Note&)>& call, const Note& note,
                               std::mutex& lock) {
  std::lock_guard held(lock);
  return call(note);
}

int main(int count, char** arguments) {
  const auto call = calls.find(count > 2 ? arguments[2] : "");
  if (count < 4 || call == calls.end()) return 2;
  Notes notes(arguments[1], fill_page);
  if (!notes.ok()) {
    std::printf("skipped: %s\n", notes.refused().c_str());
    return 77;
  }
  notes.start();
  Note note = {-1, notes.path().c_str(), nullptr};
  std::thread([&] {
    note.file = ::open(note.path, O_RDWR | O_CLOEXEC);
    std::printf("read %zd\n", ::pread(note.file, buffer, sizeof buffer, 0));
    note.mapping =
        static_cast<const char*>(::mmap(nullptr, Notes::kSize, PROT_READ, MAP_SHARED, note.file, 0));
  }).join();
  if (call->first == "touch, moved") {
    void* elsewhere = ::mmap(nullptr, Notes::kSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    note.mapping = static_cast<const char*>(::mremap(const_cast<char*>(note.mapping), Notes::kSize,
                                                     Notes::kSize, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere));
  }
  std::mutex& lock = std::string(arguments[3]) == "index" ? index_lock : other_lock;
  std::thread([&] { std::printf("done: %s\n", look_up(call->second, note, lock) ? "yes" : "no"); }).join();
  ::munmap(const_cast<char*>(note.mapping), Notes::kSize);
  ::close(note.file);
}
