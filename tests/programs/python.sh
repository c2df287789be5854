# shellcheck shell=bash
# The tests of Python for what it builds on locks: threads, thread-local data, signals and forks among threads.
python=/usr/bin/python3.11
$python -c 'import test.test_threading' 2>/dev/null || { echo 'skipped: libpython3.11-testsuite is not installed'; exit 77; }
for part in test_thread test_threading test_threading_local test_threadsignals test_fork1; do
  # The line before the last tells times and load.
  echo "$part: $($python -m test --quiet "$part" 2>&1 | tee /dev/stderr | tail -n 1)"
done
