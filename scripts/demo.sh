#!/usr/bin/env bash
# The main job on real input, with every expectation checked: ./dev demo calls it with the build folder.
#
#   1. The test file system takes inode_lock and then faults on its user buffer (mmap_lock), while mmap holds mmap_lock and takes
#      inode_lock. The run does not hang; Faultline must still report the order, once, and nothing for the two repaired variants.
#   2. Threaded programs that are not ours must give the same bytes as without Faultline; what it saw in them is printed.
#
# Ends with status 1 at the first expectation that does not hold. Traces and reports stay in BUILD/demo.
set -euo pipefail
export LC_ALL=C # what is compared must not depend on the user's language

build=$1
# shellcheck source=scripts/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

faultline=$build/faultline
out=$build/demo
tvfs=$build/testprogs/vfs/tvfs
limit=120 # seconds: none of these runs takes more than a few, and a hang is a failure with a name
rm -rf -- "$out"
mkdir -p -- "$out"

# The dynamic linker cannot preload from a path with spaces, which this tree may have; from a link elsewhere it can.
library=$(realpath -- "$build/libfaultline.so")
case $library in
  *[[:space:]]*)
    links=$(mktemp -d)
    trap 'rm -rf -- "$links"' EXIT
    ln -s -- "$library" "$links/libfaultline.so"
    export FAULTLINE_PRELOAD_LIBRARY=$links/libfaultline.so
    ;;
esac

expect() { [ "$2" = "$3" ] || fail "$1: expected '$3', got '$2'. Traces and output are in $out"; }

# report NAME: the JSON report of that run, on one line without spaces outside of strings that matter here.
report() { tr -d '\n' <"$out/$1.json" | sed 's/: */:/g; s/, */,/g'; }

# number NAME KEY: a number of the report's summary, which comes before all else that has such a key.
number() { report "$1" | grep -o "\"$2\": *[0-9]*" | head -n 1 | grep -o '[0-9]*$'; }

# watch NAME COMMAND...: runs it under Faultline; its status in $status, its output in NAME.out, the text report in NAME.txt.
watch() {
  local name=$1
  shift
  status=0
  timeout -k 10 $limit "$faultline" run -o "$out/$name" "${options[@]}" -- "$@" >"$out/$name.out" 2>"$out/$name.txt" || status=$?
  case $status in 124 | 137) fail "$name: still running after $limit s; see $out/$name.txt" ;; esac
}

# judge NAME: the JSON report of what watch recorded.
judge() {
  if ! "$faultline" analyze --format=json --fail-on=never "$out/$1" >"$out/$1.json"; then
    cat "$out/$1.txt" >&2
    fail "$1: the traces could not be analysed; above is why, and what the run itself said"
  fi
}

scenario() {
  local variant=$1
  options=()
  watch "$variant" "$tvfs" ext4-mmap-inline "--variant=$variant"
  if [ $status -eq 77 ]; then
    say "$variant: $(cat "$out/$variant.out" "$out/$variant.txt" | grep -m 1 'skipped:' || echo 'skipped: userfaultfd is not permitted here')"
    return 77
  fi
  judge "$variant"
}

broken_variant() {
  say "the test file system, as it was: faultline run -- tvfs ext4-mmap-inline --variant=broken"
  scenario broken || return 0
  cat "$out/broken.out" "$out/broken.txt"
  expect "broken: exit status" $status 66
  expect "broken: errors" "$(number broken error)" 1
  report broken | grep -q '"title":"inode_lock -> mmap_lock -> inode_lock"' || fail "broken: the title of the error is another one"
  report broken | grep -q '"verdict":"feasible"' || fail "broken: the verdict is not feasible"
  report broken | grep -q '"cause":"fault"' || fail "broken: no edge was taken by a page fault"
  say "broken: one error, feasible, found in a run that did not hang"
}

repaired_variant() {
  say "the same, repaired: tvfs ext4-mmap-inline --variant=$1"
  scenario "$1" || return 0
  [ $status -eq 0 ] || cat "$out/$1.out" "$out/$1.txt"
  expect "$1: exit status" $status 0
  expect "$1: errors" "$(number "$1" error)" 0
  expect "$1: warnings" "$(number "$1" warning)" 0
  say "$1: $(number "$1" locks) locks, $(number "$1" edges) edges, $(number "$1" faults) faults, no error, no warning"
}

# stranger NAME COMMAND...: a filter that is not ours, run on the input with and without Faultline.
stranger() {
  local name=$1
  shift
  say "a program that is not ours: $*"
  "$@" <"$out/input" >"$out/$name.native" || fail "$name: fails without Faultline too"
  options=(--fail-on=never) # its findings are shown; only its own failure ends the demo
  watch "$name" "$@" <"$out/input"
  [ $status -eq 0 ] || cat "$out/$name.txt"
  expect "$name: exit status" $status 0
  cmp -- "$out/$name.native" "$out/$name.out" || fail "$name: its output is not the one it gives without Faultline"
  judge "$name"
  # These programs are run by millions: an error would be one of Faultline's.
  expect "$name: errors" "$(number "$name" error)" 0
  [ "$(number "$name" locks)" -gt 0 ] || fail "$name: no lock was seen, so the shim was not in its way"
  say "$name: same $(wc -c <"$out/$name.out") bytes; $(number "$name" threads) threads, $(number "$name" locks) locks," \
    "$(number "$name" edges) edges; findings: $(number "$name" error) errors, $(number "$name" warning) warnings," \
    "$(number "$name" note) notes"
}

broken_variant
repaired_variant pre-mmap
repaired_variant no-convert

compressible_input >"$out/input"
# Small blocks: with xz's own block size the input would be one block, and one thread.
stranger xz xz -T2 -1 --block-size=1MiB -c
stranger pigz pigz -p 4 -m -n -c
# Its threads merge along a tree whose nodes are locked upwards: locks inside locks, in one order.
stranger sort sort --parallel=4 -S 64M -k 3

say "demo complete: every expectation held. Traces and reports are in $out"
