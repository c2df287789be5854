// A reader copies from memory that a pager serves where it has ruled page faults out. Argument: "missing" (the
// page is not there), "present" (it was touched before), "enabled" (faults are allowed again), "nested" (still
// ruled out by an outer call).
#include <faultline/annotate.h>

#include <cstdio>
#include <mutex>

#include "uffd_pager.h"

std::mutex table_lock;

void fetch_page(char* page, size_t size) {
  std::memset(page, 'x', size);
}

[[gnu::noinline]] char copy_atomically(const char* from) {
  faultline_fault_disable();
  const char copied = *static_cast<const volatile char*>(from);
  faultline_fault_enable();
  return copied;
}

[[gnu::noinline]] char read_entry(const char* entry, const std::string& how) {
  std::lock_guard table(table_lock);
  if (how == "enabled") {
    faultline_fault_disable();
    faultline_fault_enable();
    return *static_cast<const volatile char*>(entry);
  }
  if (how == "nested") {
    faultline_fault_disable();
    faultline_fault_disable();
    faultline_fault_enable();
    const char copied = *static_cast<const volatile char*>(entry);
    faultline_fault_enable();
    return copied;
  }
  faultline_fault_disable();
  faultline_might_fault(entry, 1);
  faultline_fault_enable();
  return copy_atomically(entry);
}

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "missing";
  const Pager pager(1, false, fetch_page);
  if (!pager.ok()) {
    std::printf("skipped: userfaultfd: %s\n", pager.refused().c_str());
    return 77;
  }
  faultline::name_lock(table_lock, "table_lock");
  if (how == "present") std::printf("fetched %c\n", *static_cast<volatile char*>(pager.page(0)));
  std::thread([&] { std::printf("read %c\n", read_entry(pager.page(0), how)); }).join();
}
