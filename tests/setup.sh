#!/usr/bin/env bash
# Installs what the tests need from Debian's packages, when it may; else says what is missing, and the tests that
# need it say that they are skipped.
set -euo pipefail

# program   package        what for
needs='
git         git            checkouts that the tests make
python3     python3        loopback indexes and mirrors, the corpus script
bwrap       bubblewrap     a second opinion on the box
twine       twine          judges what is in dist/
useradd     passwd         the ordinary user that the engine is tried as
setpriv     util-linux     becoming that user
cc          gcc            linking the program and its tests
'

missing=()
while read -r program package _; do
  [ -n "$program" ] || continue
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || missing+=("$package")
done <<<"$needs"
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing what the tests need: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 ||
    echo "skipped: could not install ${missing[*]}; tests that need them are skipped"
else
  echo "skipped: not installed and not root: ${missing[*]}; tests that need them are skipped"
fi
