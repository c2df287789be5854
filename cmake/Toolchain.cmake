# What every target of ours is compiled with: link faultline_options PRIVATE.
add_library(faultline_options INTERFACE)
target_compile_features(faultline_options INTERFACE cxx_std_20)
target_compile_options(faultline_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>)

# Sanitizers are presets, for the analyzer, the readers and the unit tests. The preload is not sanitized, as it lives in other programs; its
# parts are, as parts of a test program (tests/preload).
set(FAULTLINE_SANITIZE "" CACHE STRING "address, thread or empty (set by the presets)")
add_library(faultline_sanitize INTERFACE)
if(FAULTLINE_SANITIZE STREQUAL "address")
  target_compile_options(faultline_sanitize INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(faultline_sanitize INTERFACE -fsanitize=address,undefined)
elseif(FAULTLINE_SANITIZE STREQUAL "thread")
  target_compile_options(faultline_sanitize INTERFACE -fsanitize=thread)
  target_link_options(faultline_sanitize INTERFACE -fsanitize=thread)
endif()
