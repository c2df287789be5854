# shellcheck shell=bash
# stress-ng checks what it does: threads, futexes, forks, clones, execs, signals. (Its mutexes want real-time priorities.)
command -v stress-ng >/dev/null || { echo 'skipped: stress-ng is not installed'; exit 77; }
run() {
  stress-ng --quiet --verify --timeout 20s "$@" >&2
  echo "$*: passed"
}
run --pthread 1 --pthread-ops 200
run --fork 1 --fork-ops 200
run --vfork 1 --vfork-ops 200
run --clone 1 --clone-ops 50
run --futex 2 --futex-ops 2000
run --exec 1 --exec-ops 50
run --daemon 1 --daemon-ops 50
run --sigsegv 1 --sigsegv-ops 100
