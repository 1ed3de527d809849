#!/usr/bin/env bash
# Says in one line each what is missing before anything is built: scripts/check-tools.sh cargo node npm cc
set -euo pipefail

advice() {
  case "$1" in
    cargo) echo "Rust 1.95 or newer, with cargo (rustup.rs, or your system's package)" ;;
    node | npm) echo "Node.js 20 or newer, with npm" ;;
    cc) echo "a C compiler (Debian: apt-get install gcc libc6-dev)" ;;
    *) echo "install it with your system's package manager" ;;
  esac
}

failed=0
for tool in "$@"; do
  if ! command -v "$tool" >/dev/null; then
    echo "missing: $tool. Needed: $(advice "$tool")" >&2
    failed=1
  fi
done
[ "$failed" -eq 0 ] || exit 1

# at_least WANTED FOUND: compares dotted version numbers.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

for tool in "$@"; do
  case "$tool" in
    cargo) version=$(cargo --version | cut -d ' ' -f 2); wanted=1.95.0 ;;
    node) version=$(node --version | tr -d v); wanted=20.0.0 ;;
    *) continue ;;
  esac
  at_least "$wanted" "${version%%-*}" || { echo "too old: $tool $version. Needed: $(advice "$tool")" >&2; failed=1; }
done
exit "$failed"
