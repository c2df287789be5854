# shellcheck shell=bash
# What ./dev and its parts share: how they speak, and how many cores there are. Sourced.

say() { printf '==> %s\n' "$*"; }

# fail MESSAGE: what went wrong and what to do, then the end.
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

cores() { nproc 2>/dev/null || echo 1; }

# quietly COMMAND...: its output is shown only where it fails; gives its status.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  [ $status -eq 0 ] || cat "$log" >&2
  rm -f -- "$log"
  return $status
}

# About 20 MB that compress like a log file, the same on every machine, on standard output.
compressible_input() {
  awk 'BEGIN {
    for (i = 0; i < 360000; i++) {
      x = (x * 69069 + 12345) % 4294967296
      printf "%08d request %d from 10.0.%d.%d took %d us\n", i, x, x % 251, i % 253, x % 9973
    }
  }'
}
