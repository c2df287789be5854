#include "demangle.h"

#include <libiberty/demangle.h>

#include <cstdlib>
#include <memory>

namespace faultline {

namespace {

// libiberty's demangler and not abi::__cxa_demangle, although they are the same code: only this one leaves
// parameters out.
std::string demangled(const std::string& symbol) {
  const std::unique_ptr<char, decltype(&std::free)> name(cplus_demangle_v3(symbol.c_str(), DMGL_NO_OPTS),
                                                         &std::free);
  return name ? name.get() : symbol;
}

// Symbols of versioned exports may carry the version: "f@@LIB_1.0".
std::string without_version(const std::string& symbol) {
  return symbol.substr(0, symbol.find('@'));
}

}  // namespace

std::string function_name(const std::string& symbol) {
  const std::string plain = without_version(symbol);
  return demangled(plain.substr(0, plain.find('.', 1)));
}

std::string object_name(const std::string& symbol) {
  return demangled(without_version(symbol));
}

}  // namespace faultline
