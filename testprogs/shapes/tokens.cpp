// A page must be announced for writing before it is dirtied. Argument, what happens: "given", "never",
// "cleaned" (write-back revokes it in between), "again" (cleaned, and announced again), "taken_twice" (used up
// by the first dirtying), "reborn" (another page at the same address).
#include <faultline/annotate.h>

#include <string>
#include <thread>

char page;
constexpr const char* kAnnounced = "page announced for writing";

[[gnu::noinline]] void page_mkwrite() {
  faultline_token_give(&page, kAnnounced);
}

[[gnu::noinline]] void write_back() {
  faultline_token_revoke(&page, kAnnounced);
}

[[gnu::noinline]] void set_page_dirty() {
  faultline_token_require(&page, kAnnounced);
}

[[gnu::noinline]] void complete_write() {
  faultline_token_take(&page, kAnnounced);
}

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "given";
  if (how != "never") page_mkwrite();
  if (how == "cleaned" || how == "again") std::thread(write_back).join();
  if (how == "again") page_mkwrite();
  if (how == "reborn") faultline_state_created(&page);
  if (how == "taken_twice") {
    complete_write();
    complete_write();
  } else {
    set_page_dirty();
  }
}
