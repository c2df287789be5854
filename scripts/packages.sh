# shellcheck shell=bash
# Installs the packages of scripts/dependencies.txt that are missing. Sourced by ./dev; needs common.sh.
#
# Nothing but dpkg-query, apt-get and awk is assumed, all part of the smallest Debian.

# package_rows GROUP...: the rows of these groups, without comments.
package_rows() {
  awk -v groups=" $* " '!/^#/ && NF && index(groups, " " $1 " ")' scripts/dependencies.txt
}

# package_list GROUP...: what to install by hand, per system.
package_list() {
  echo "What is needed (the names on Fedora and Arch may differ by release):"
  package_rows "$@" | awk '
    { why = $5; for (i = 6; i <= NF; i++) why = why " " $i; line[NR] = sprintf("  %-20s %-24s %-16s %s", $2, $3, $4, why) }
    END { printf "  %-20s %-24s %-16s %s\n", "Debian, Ubuntu", "Fedora", "Arch", "what for"; for (i = 1; i <= NR; i++) print line[i] }'
}

# missing_packages GROUP...: those that dpkg does not know as installed, one per line.
missing_packages() {
  local wanted
  wanted=$(package_rows "$@" | awk '{ print $2 }' | sort -u)
  # dpkg-query fails for names it has never heard of; that they are not in its answer is all that matters.
  # shellcheck disable=SC2086  # one name per word
  { dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true; } |
    awk -v wanted="$wanted" '
      $1 == "installed" { have[$2] = 1 }
      END { n = split(wanted, names, "\n"); for (i = 1; i <= n; i++) if (!(names[i] in have)) print names[i] }'
}

# apt COMMAND...: apt-get that never asks, as root.
apt() {
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  # stdin is closed and not passed on: a package script must never wait for an answer.
  quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
    apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# install_packages GROUP...: on return everything is installed, or it was said what may be missing.
install_packages() {
  local missing=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    if [ ! -d build ]; then
      say "no apt-get here: packages are not installed for you"
      package_list "$@"
    fi
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    fail "not root and no sudo here. As root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing ${missing[*]}"
  # The lists at hand usually do. Only where they are absent or name versions that the mirror no longer has, are they fetched.
  if ! apt install --no-install-recommends "${missing[@]}" 2>/dev/null; then
    say "fetching the package lists first"
    apt update || fail "apt-get update failed, see above: check the network and /etc/apt/sources.list"
    apt install --no-install-recommends "${missing[@]}" ||
      fail "apt-get could not install: ${missing[*]}; its message is above"
  fi
}
