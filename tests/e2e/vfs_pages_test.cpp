// The test VFS: who may map a page, and who must be told before one becomes dirty.
#include <doctest/doctest.h>

#include "vfs_scenario.h"

using namespace faultline::e2e;

TEST_CASE("xfs-punch-mappages, fixed: silent, by a trylock and by MMAPLOCK") {
  for (const char* variant : {"trylock", "mmaplock"})
    for (const char* faults_by : {"handler", "sigbus"}) check_fixed("xfs-punch-mappages", variant, faults_by);
}

TEST_CASE("gup-dirty, fixed: silent, by a write_begin pair and by a pin that keeps write-back off") {
  for (const char* variant : {"write-begin", "mkwrite-pin"})
    for (const char* faults_by : {"handler", "sigbus"}) check_fixed("gup-dirty", variant, faults_by);
}

TEST_CASE("dio-dirty, fixed: silent, by a pin that keeps write-back off") {
  for (const char* faults_by : {"handler", "sigbus"}) check_fixed("dio-dirty", "mkwrite-pin", faults_by);
}
