// A file system of one file, "note", served by libfuse in a thread of this process, as a tool that shows its
// state as files has one.
//
// The file's content comes from a function, which is called by the serving thread for each page that the
// kernel does not have yet; the kernel keeps what it has read.
#pragma once

#define FUSE_USE_VERSION 31
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

class Notes {
 public:
  static constexpr size_t kSize = 4096;
  using Fill = void (*)(char* content, size_t size);

  // Serves at `directory`, or is not ok(): then `refused()` says why.
  Notes(const std::string& directory, Fill fill) : path_(directory + "/note") {
    const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (device < 0) {
      why_ = std::string("/dev/fuse: ") + std::strerror(errno);
      return;
    }
    ::close(device);
    fill_ = fill;
    char name[] = "notes";
    char* arguments[] = {name, nullptr};
    fuse_args args = {.argc = 1, .argv = arguments, .allocated = 0};
    fuse_ = fuse_new(&args, &operations(), sizeof(fuse_operations), nullptr);
    if (fuse_ == nullptr || fuse_mount(fuse_, directory.c_str()) != 0) {
      why_ = "mounting is not permitted";
      return;
    }
    is_mounted_ = true;
  }

  ~Notes() {
    if (server_.joinable()) stop();
    if (is_mounted_) fuse_unmount(fuse_);
    if (asker_.joinable()) asker_.join();
    if (fuse_ != nullptr) fuse_destroy(fuse_);
  }

  Notes(const Notes&) = delete;
  Notes& operator=(const Notes&) = delete;

  // In a thread of its own, or in this one until the file system is unmounted.
  void start() {
    server_ = std::thread([this] { serve(); });
  }
  void serve() { fuse_loop(fuse_); }

  bool ok() const { return why_.empty(); }
  const std::string& refused() const { return why_; }
  const std::string& path() const { return path_; }

 private:
  // A server that waits for a request notices with the next one that it is to end. Nobody answers that;
  // whoever asked is set free when the file system is unmounted.
  void stop() {
    fuse_exit(fuse_);
    asker_ = std::thread([this] { ::access((path_ + " that is not there").c_str(), F_OK); });
    server_.join();
  }

  static const fuse_operations& operations() {
    static const fuse_operations table = [] {
      fuse_operations its = {};
      its.init = [](fuse_conn_info*, fuse_config* settings) -> void* {
        settings->kernel_cache = 1;
        settings->attr_timeout = settings->entry_timeout = 60;
        return nullptr;
      };
      its.getattr = [](const char* path, struct stat* status, fuse_file_info*) {
        const bool is_root = std::strcmp(path, "/") == 0;
        if (!is_root && std::strcmp(path, "/note") != 0) return -ENOENT;
        status->st_mode = is_root ? S_IFDIR | 0755 : S_IFREG | 0644;
        status->st_nlink = is_root ? 2 : 1;
        status->st_size = is_root ? 0 : kSize;
        return 0;
      };
      its.read = [](const char*, char* buffer, size_t size, off_t, fuse_file_info*) {
        fill_(buffer, size);
        return static_cast<int>(size);
      };
      its.write = [](const char*, const char*, size_t size, off_t, fuse_file_info*) {
        return static_cast<int>(size);
      };
      return its;
    }();
    return table;
  }

  static inline Fill fill_ = nullptr;
  std::string path_;
  std::string why_;
  fuse* fuse_ = nullptr;
  bool is_mounted_ = false;
  std::thread server_;
  std::thread asker_;
};
