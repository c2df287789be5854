// What can be told of a program by looking at its file: why the preload library was not in it.
#pragma once

#include <string>

namespace faultline {

// Why a program that left no trace could not be watched, as the end of a sentence ("it is linked statically,
// ..."). `command` is what was started, found through PATH as a shell would; a script is judged by its
// interpreter. Where the file tells nothing, what else can be the reason.
std::string why_unseen(const std::string& command);

}  // namespace faultline
