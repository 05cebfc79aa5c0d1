#!/usr/bin/env bash
# Runs a test binary as an ordinary user with no subuid entries, made for this and removed afterwards.
# Cargo calls it as the runner of the test binary: as-user.sh BINARY ARGUMENTS...
#
# as-user.sh --check succeeds, and says why, where there is no need or no way to do so.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

if [ "${1:-}" = --check ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "skipped: not root, so the tests ran as an ordinary user already"
    exit 0
  fi
  for program in useradd userdel setpriv git; do
    command -v "$program" >/dev/null || { echo "skipped: no $program: the tests do not run as an ordinary user"; exit 0; }
  done
  exit 1
fi

repository=$(cd "$(dirname "$0")/.." && pwd)
binary=$1
shift
user=sealwright-t$$
# The user may be unable to reach this checkout (a home folder of root is closed), so it gets a copy.
folder=$(mktemp -d /tmp/sealwright-user.XXXXXX)
# In memory, if there is plenty: a store's many small files take minutes to remove from a disk.
in_memory=no
available=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
store_size=$(du -sm "${SEALWRIGHT_TEST_STORE:-/nowhere}" 2>/dev/null | cut -f1 || true)
if [ "${available:-0}" -gt $((2 * ${store_size:-0} + 8192)) ] &&
  mount -t tmpfs -o "size=$((available / 2))m,mode=755" sealwright-user "$folder" 2>/dev/null; then
  in_memory=yes
fi
remove() {
  userdel "$user" >/dev/null 2>&1 || true
  cd /
  if [ "$in_memory" = yes ]; then
    umount "$folder" || umount --lazy "$folder"
  else
    chmod -R u+w "$folder"
  fi
  rm -rf "$folder"
}
trap remove EXIT

useradd --system --no-create-home --home-dir "$folder/home" --shell /usr/sbin/nologin "$user"
mkdir "$folder/repository" "$folder/home"
git -C "$repository" ls-files -z | (cd "$repository" && xargs -0 cp --parents -t "$folder/repository")
cp "$binary" "$folder/tests"
cp "$(dirname "$binary")/../sealwright" "$folder/sealwright"
# The store with its base images too: the engine is under test, not the download.
if [ -d "${SEALWRIGHT_TEST_STORE:-/nowhere}" ]; then
  cp -a --reflink=auto "$SEALWRIGHT_TEST_STORE" "$folder/store"
else
  mkdir "$folder/store"
fi
# Beside the store: tests link what is in it.
mkdir "$folder/tmp"
chmod 755 "$folder"
chown -R "$user:" "$folder"

cd "$folder/repository"
status=0
CARGO_MANIFEST_DIR=$folder/repository SEALWRIGHT_TEST_PROGRAM=$folder/sealwright \
  SEALWRIGHT_TEST_STORE=$folder/store INSTA_WORKSPACE_ROOT=$folder/repository INSTA_UPDATE=no HOME=$folder/home TMPDIR=$folder/tmp \
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$folder/tests" "$@" || status=$?
exit $status
