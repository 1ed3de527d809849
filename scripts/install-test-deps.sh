#!/usr/bin/env bash
# Installs the Debian packages that the tests need. Does nothing when all are there.
set -euo pipefail

packages=(chromium fonts-noto-cjk postgresql poppler-utils zbar-tools qpdf openssl strace systemd)

# A package counts as there when its program is, however it was installed.
present() {
  case "$1" in
    chromium) [ -x /usr/bin/chromium ] ;;
    fonts-noto-cjk) ls /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc >/dev/null 2>&1 ;;
    postgresql) command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ;;
    poppler-utils) command -v pdftotext >/dev/null && command -v pdfsig >/dev/null && command -v pdftoppm >/dev/null ;;
    zbar-tools) command -v zbarimg >/dev/null ;;
    qpdf) command -v qpdf >/dev/null ;;
    openssl) command -v openssl >/dev/null ;;
    strace) command -v strace >/dev/null ;;
    systemd) command -v systemd-analyze >/dev/null ;;
  esac
}

missing=()
for package in "${packages[@]}"; do
  present "$package" || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "The tests need what Debian calls: ${missing[*]}. Install these programs with your system's package manager." >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo)
  else
    echo "The tests need: ${missing[*]}. Install them with:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
fi

echo "Installing for the tests: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Debian's postgresql starts a server on installation; the tests start their own, so none is created.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  "${as_root[@]}" mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}" >/dev/null

for package in "${missing[@]}"; do
  present "$package" || { echo "$package was installed, but its program is still not found." >&2; exit 1; }
done
