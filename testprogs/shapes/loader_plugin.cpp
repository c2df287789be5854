// The library of loader_abba: its constructor registers it with the program.
extern "C" void register_plugin();

extern "C" int plugin_entry() {
  return 1;
}

namespace {
struct Registration {
  Registration() { register_plugin(); }
} registration;
}  // namespace
