#!/usr/bin/env bash
# Installs what the tests need: programs from Debian's packages when it may, judges from the package index into
# target/. What cannot be had is said, and the tests that need it say that they are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

# program   package       what for
needs='
cc          gcc           linking the program and its tests
git         git           checkouts that the tests make
python3     python3       judges, loopback servers, the corpus script
bwrap       bubblewrap    a second opinion on the box
useradd     passwd        the ordinary user that the engine is tried as
setpriv     util-linux    becoming that user
dockerd     docker.io     images of an engine (a private one, as root)
skopeo      skopeo        a second opinion on images
docker-registry docker-registry a registry on loopback
'

missing=()
while read -r program package _; do
  [ -n "$program" ] || continue
  command -v "$program" >/dev/null || missing+=("$package")
done <<<"$needs"
# Debian's own, if it is there: another may lie where only root gets to it, and the tests run as an ordinary user too.
python=python3
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing what the tests need: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 ||
      echo "skipped: could not install ${missing[*]}; tests that need them are skipped"
  else
    echo "skipped: not installed and not root: ${missing[*]}; tests that need them are skipped"
  fi
fi

# The index that pip is told of; uv does not read pip's configuration.
index=$("$python" -m pip config get global.index-url 2>/dev/null || echo "${PIP_INDEX_URL:-}")
[ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
export UV_SYSTEM_CERTS=1
[ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"

judges=target/tmp/judges
# install FOLDER REQUIREMENT…: a virtual environment that holds them. uv does it in a tenth of pip's time.
install() {
  local folder=$1
  shift
  if [ "$folder" = "$judges" ]; then
    "$python" -m venv "$folder" && "$folder/bin/pip" install --quiet "$(grep '^uv==' tests/judges.txt)"
  fi
  if "$judges/bin/uv" venv --quiet --allow-existing --python "$python" "$folder" &&
    "$judges/bin/uv" pip install --quiet --python "$folder" "$@"; then
    return
  fi
  rm -rf "${folder:?}"
  "$python" -m venv "$folder" && "$folder/bin/pip" install --quiet "$@"
}

if ! cmp -s tests/judges.txt "$judges/judges.txt"; then
  rm -rf "$judges"
  mkdir -p target/tmp
  if install "$judges" --requirement tests/judges.txt >/dev/null 2>&1; then
    cp tests/judges.txt "$judges/judges.txt"
  else
    rm -rf "$judges"
    echo "skipped: the judges of tests/judges.txt cannot be installed; tests that need them are skipped"
  fi
fi

lockers=target/tmp/lockers
if ! cmp -s tests/lockers.txt "$lockers/lockers.txt"; then
  rm -rf "$lockers"
  mkdir -p "$lockers"
  while read -r name requirements; do
    # shellcheck disable=SC2086 # several requirements
    if ! install "$lockers/$name" $requirements >/dev/null 2>&1; then
      rm -rf "${lockers:?}/$name"
      echo "skipped: $requirements cannot be installed; tests that run it are skipped"
    fi
  done < <(grep -v '^#' tests/lockers.txt)
  cp tests/lockers.txt "$lockers/lockers.txt"
fi
