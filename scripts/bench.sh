#!/usr/bin/env bash
# The benchmarks: bench.sh BUILD [PART [--quick] [CASE...]]. PART is locks, faults, calls, memory, programs or analyzer; all of them by default.
# A CASE of locks, faults, calls or programs is a name from the table's first column. Ratios are medians over rounds in which native, the empty
# preload and Faultline alternate; the peers, ThreadSanitizer and Helgrind, run once, and show '-' where they cannot run a case or need more
# than 20 seconds. --quick (locks, faults, calls): fewer rounds and no peers, within a minute, to compare before and after a change.
set -euo pipefail

build=$1
shift
here=$(dirname -- "${BASH_SOURCE[0]}")
# shellcheck source=scripts/common.sh
. "$here/common.sh"

setups=("$build/bench/libempty_preload.so" "$build/libfaultline.so")

# cases PROGRAM ARGUMENT...: the table of one program of cases, where the arguments name none of all its cases.
cases() {
  local program=$1
  shift
  "$build/bench/compare_cases" "$build/bench/$program" "${setups[@]}" "$@"
}

locks() {
  local peers=(--peers)
  if [ "${1:-}" = --quick ]; then peers=(); fi
  say "locks: native nanoseconds per operation, and multiples of them; 'empty x' is the price of interposition alone"
  cases lock_cases "${peers[@]}" "$@"
}

faults() {
  say "page faults: native nanoseconds per fault, and multiples of them"
  cases fault_cases "$@"
  [ $# -eq 0 ] || return 0
  local touched=(zero-page anonymous-write copy-on-write memfd-write)
  say "the same with faults=perf: every fault sampled, with registers and a piece of the stack"
  cases fault_cases --options faults=perf --goal 2.2 "${touched[@]}" fault-locked zero-page-between
  say "the same with faults=perf and stacks=0"
  cases fault_cases --options faults=perf:stacks=0 --goal 1.6 "${touched[@]}"
  say "the lock path of a thread whose page faults are sampled (faults=perf)"
  cases lock_cases --options faults=perf mutex nested-4 rwlock-read spin
}

calls() {
  say "calls that change mappings: native nanoseconds per call, and multiples of them"
  cases memory_call_cases "$@"
}

memory() {
  say "memory: resident, shared pages by their share"
  "$build/bench/compare_memory" "${setups[@]}"
}

programs() {
  say "whole programs: native seconds of processor time, and multiples of them; peers on little work, their start included"
  compressible_input >"$build/bench/input"
  "$build/bench/compare_programs" "${setups[@]}" "$build/bench/input" "$@"
  [ $# -eq 0 ] || return 0
  say "programs with many page faults, all sampled (faults=perf); the goal is to native"
  "$build/bench/compare_programs" --options faults=perf --goal 1.08 "${setups[@]}" "$build/bench/input" g++ python-json xz
}

analyzer() {
  say "analysis of synthetic traces"
  "$build/bench/analyzer_bench" --benchmark_counters_tabular=true
}

part=${1:-all}
[ $# -eq 0 ] || shift
case $part in
  locks | faults | calls | programs) "$part" "$@" ;;
  memory | analyzer)
    [ $# -eq 0 ] || fail "bench: '$part' takes no cases"
    "$part"
    ;;
  all)
    for part in locks faults calls memory programs analyzer; do "$part"; done
    ;;
  *) fail "bench: unknown part '$part'; there are locks, faults, calls, memory, programs and analyzer" ;;
esac
