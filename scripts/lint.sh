#!/usr/bin/env bash
# What a reviewer should not have to say: lint.sh BUILD [--all]. Ends with status 1 if anything was found, after all checks ran.
set -euo pipefail

build=$1
# shellcheck source=scripts/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
case ${2:-} in
  '') all=0 ;;
  --all) all=1 ;;
  *) fail "lint: unknown argument '$2'; the only one is --all" ;;
esac

readonly longest=400 # lines: a file does one thing
failed=0

# Files by pattern: what git tracks or would track; where there is no git, what is there.
files() {
  if command -v git >/dev/null && git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r file; do [ ! -e "$file" ] || printf '%s\n' "$file"; done
  else
    local pattern names=()
    for pattern; do names+=(-o -path "./$pattern"); done
    find . -path './build*' -prune -o -type f \( "${names[@]:1}" \) -print | sed 's,^\./,,'
  fi | sort -u
}

# The files that differ from the last commit; all where there is none or no git.
changed() {
  if [ $all -eq 0 ] && command -v git >/dev/null && git rev-parse -q --verify HEAD >/dev/null 2>&1; then
    { git diff --name-only HEAD -- "$@" && git ls-files --others --exclude-standard -- "$@"; } | sort -u
  else
    files "$@"
  fi
}

mapfile -t sources < <(files '*.h' '*.c' '*.cpp')
mapfile -t scripts < <(files 'dev' '.ci/run' '*.sh')

say "format of ${#sources[@]} files"
clang-format --dry-run -Werror -- "${sources[@]}" || failed=1

say "length (at most $longest lines)"
for file in "${sources[@]}" "${scripts[@]}"; do
  lines=$(wc -l <"$file")
  if [ "$lines" -gt $longest ]; then
    echo "$file: $lines lines; split it by what it does"
    failed=1
  fi
done

say "shell scripts"
shellcheck -x -- "${scripts[@]}" || failed=1

# Only what the build compiles: others have no compile command. One process per core, each file on its own. testprogs/hostile does on purpose
# what no program should.
clang_tidy=$(command -v clang-tidy-16 || command -v clang-tidy) || fail "lint: clang-tidy is not installed"
mapfile -t compiled < <(changed '*.c' '*.cpp' | grep -v '^testprogs/hostile/' | while IFS= read -r file; do
  if grep -qF "\"file\": \"$PWD/$file\"" "$build/compile_commands.json" && [ -e "$file" ]; then printf '%s\n' "$file"; fi
done)
if [ ${#compiled[@]} -gt 0 ]; then
  say "clang-tidy on ${#compiled[@]} files"
  printf '%s\0' "${compiled[@]}" | xargs -0 -n 1 -P "$(cores)" "$clang_tidy" --quiet -p "$build" || failed=1
else
  say "clang-tidy: no compiled file differs from the last commit (--all checks all)"
fi

if [ $failed -eq 0 ]; then say "lint: clean"; else fail "lint: see above; clang-format -i FILE repairs formats"; fi
