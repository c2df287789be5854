#!/usr/bin/env bash
# same_result.sh WORKLOAD FAULTLINE LIBRARY FOLDER: runs the workload, a script that prints results, without and with the library
# preloaded. Output and exit status must be the same, locks must have been seen, and what was recorded must be readable.
# Status 77: the workload's program is not installed ("skipped: why").
set -euo pipefail

readonly workload=$1 faultline=$2 library=$3 folder=$4

# run NAME [SETTING...]: its output and status in $folder/NAME.
run() {
  local name=$1 status=0
  mkdir -p "$folder/$name"
  (cd "$folder/$name" && exec env "${@:2}" bash -euo pipefail "$workload") >"$folder/$name.out" 2>"$folder/$name.err" || status=$?
  printf 'exit status %s\n' "$status" >>"$folder/$name.out"
  if [ "$status" -eq 77 ]; then
    cat "$folder/$name.out"
    exit 77
  fi
}

fail() {
  printf '%s\n' "$1"
  exit 1
}

rm -rf -- "$folder"
run without
# exit status 0 is part of it: a workload that fails by itself compares nothing.
grep -qx 'exit status 0' "$folder/without.out" || fail "the workload fails without the library, too: see $folder/without.err"
run with LD_PRELOAD="$library" FAULTLINE_OPTIONS="out=$folder/traces"
diff "$folder/without.out" "$folder/with.out" || fail "the result differs (< without, > with the library): see $folder"
grep -hq '"t":"stats".*"locks": *[1-9]' "$folder"/traces/*.jsonl || fail "no lock was seen: the library was not in the program"
status=0
"$faultline" analyze --all "$folder/traces" >"$folder/report.txt" 2>&1 || status=$?
[ "$status" -lt 2 ] || fail "what was recorded cannot be read: see $folder/report.txt"
rm -rf -- "$folder"
