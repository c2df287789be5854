// The whole life of a file that one thread has for itself, its contents checked on the way: what
// mmap-rw-fault does beside the files that its threads share. Other threads may use the file system and the
// address space.
#pragma once

#include <random>

#include "data_check.h"
#include "ext4ish.h"
#include "mm.h"
#include "xfsish.h"

namespace tvfs {

using Random = std::mt19937_64;

// A new file: inline, mapped, stored to, stored, grown, read directly into its own mapping, gone. The file
// system has room for one more.
void life_of_small_file(Mm& mm, Ext4& fs, DataCheck& data, Random& random);

// Written, mapped, punched, looked at, with a bad block for a while, truncated.
void life_of_hole(Mm& mm, Xfs& fs, XfsInode& file, DataCheck& data, Random& random);

}  // namespace tvfs
