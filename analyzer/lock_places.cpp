#include "lock_places.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "classes.h"
#include "stack_view.h"

namespace faultline {
namespace {

// What compilers and debug information call closures and local classes.
constexpr std::array<std::string_view, 5> kClosures = {"{lambda", "<lambda", "'lambda", "$_", "{unnamed"};

// The end of what begins with the bracket at `begin`.
std::size_t end_of_bracket(std::string_view text, std::size_t begin) {
  const char open = text[begin];
  const char close = open == '{' ? '}' : ')';
  int depth = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] == open) ++depth;
    if (text[i] == close && --depth == 0) return i + 1;
  }
  return text.size();
}

std::size_t end_of_digits(std::string_view text, std::size_t begin) {
  while (begin < text.size() && std::isdigit(static_cast<unsigned char>(text[begin]))) ++begin;
  return begin;
}

}  // namespace

bool names_a_closure(std::string_view function) {
  return std::ranges::any_of(
      kClosures, [&](std::string_view mark) { return function.find(mark) != std::string_view::npos; });
}

std::string without_ordinals(std::string_view function) {
  std::string result;
  for (std::size_t i = 0; i < function.size();) {
    const std::string_view rest = function.substr(i);
    if (rest.starts_with("{lambda") || rest.starts_with("{unnamed")) {
      result += rest.starts_with("{lambda") ? "{lambda}" : "{unnamed}";
      i = end_of_bracket(function, i);
    } else if (rest.starts_with("'lambda")) {
      result += "{lambda}";
      i = std::min(function.find('\'', i + 1), function.size() - 1) + 1;
      if (i < function.size() && function[i] == '(') i = end_of_bracket(function, i);
    } else if (rest.starts_with("$_")) {
      result += "$_";
      i = end_of_digits(function, i + 2);
    } else {
      result += function[i++];
    }
  }
  return result;
}

const Place& Places::site(StackId stack, std::size_t callers) {
  const auto [entry, is_new] = sites_.try_emplace(std::uint64_t{callers} << 32 | stack.value);
  if (is_new) entry->second = find_site(stack, callers);
  return entry->second;
}

Place Places::object(const Frame& place) const {
  std::string name = names_.object(place);
  if (name.empty()) return without_symbol(place);
  if (const std::size_t offset = name.rfind("+0x"); offset != std::string::npos) name.resize(offset);
  return {name + '@' + module_name(place.module), name};
}

// The functions of a stack that are no wrappers, innermost first: one of them, on to the first with a name,
// and `callers` more. If all are wrappers, the outermost of the first frame.
std::vector<Places::Function> Places::users_of(StackId stack, std::size_t callers) const {
  std::vector<Function> users;
  Function fallback{"", nullptr};
  bool is_named = false;
  const auto add = [&](const std::string& function, const Frame& frame) {
    callers -= is_named;
    users.push_back({without_ordinals(function), &frame});
    const bool may_lack_name = users.size() == 1;
    is_named = is_named || (function.empty() ? may_lack_name : !names_a_closure(function));
    return !is_named || callers > 0;
  };
  for (const Frame& frame : model_.frames(stack)) {
    if (!frame.module || rules_.is_wrapper_module(model_.modules[frame.module].path)) continue;
    const std::vector<std::string> functions = names_.functions(frame);
    if (functions.empty() && !add("", frame)) return users;
    for (const std::string& function : functions)
      if (!rules_.is_wrapper(function) && !add(function, frame)) return users;
    if (!fallback.frame && !functions.empty()) fallback = {without_ordinals(functions.back()), &frame};
  }
  if (users.empty() && fallback.frame) users.push_back(fallback);
  return users;
}

Place Places::find_site(StackId stack, std::size_t callers) const {
  const std::vector<Function> users = users_of(stack, callers);
  if (users.empty()) return {"?", "?", Stability::Low};
  Place place = place_of(users.front());
  const auto append = [&](const Function& caller) {
    const Place outer = place_of(caller);
    place.key += '<' + outer.key;
    place.name += " < " + outer.name;
    place.stability = std::min(place.stability, outer.stability);
  };
  auto next = users.begin() + 1;
  if (names_a_closure(users.front().name)) {
    place.is_unnamed = true;
    next = std::find_if(next, users.end(),
                        [](const Function& f) { return !f.name.empty() && !names_a_closure(f.name); });
    if (next == users.end()) {
      place.stability = Stability::Low;
    } else {
      append(*next++);
    }
  }
  std::for_each(next, users.end(), append);
  return place;
}

Place Places::start(StackId stack) const {
  const std::span<const Frame> frames = model_.frames(stack);
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    if (!frame->module || rules_.is_wrapper_module(model_.modules[frame->module].path)) continue;
    const std::vector<std::string> functions = names_.functions(*frame);
    if (functions.empty()) return without_symbol(*frame);
    for (auto function = functions.rbegin(); function != functions.rend(); ++function) {
      if (rules_.is_wrapper(*function)) continue;
      Place place = place_of({without_ordinals(*function), &*frame});
      place.is_unnamed = names_a_closure(*function);
      return place;
    }
  }
  return {"?", "?", Stability::Low};
}

Place Places::place_of(const Function& function) const {
  if (function.name.empty()) return without_symbol(*function.frame);
  return {function.name + '@' + module_name(function.frame->module), function.name};
}

Place Places::without_symbol(const Frame& frame) const {
  if (!frame.module) return {"?", "?", Stability::Low};
  const std::string& build_id = model_.modules[frame.module].build_id;
  const std::string offset = '+' + hexadecimal(frame.offset);
  const std::string module = module_name(frame.module);
  return {(build_id.empty() ? module : build_id) + offset, module + offset, Stability::Low};
}

std::string Places::module_name(ModuleId module) const {
  if (!module) return "?";
  const std::string& path = model_.modules[module].path;
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace faultline
