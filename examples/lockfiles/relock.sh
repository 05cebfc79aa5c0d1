#!/usr/bin/env bash
# Locks the six examples again, each with its own tool, against a loopback index in front of this host's own one, so
# that no lock file names a registry.
#
#   examples/lockfiles/relock.sh [--into FOLDER] [NAME...]
#
# Works in a copy in FOLDER when one is given (which is where tests lock), else here. The tools are those that tests/setup.sh installs.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
lockers=${LOCKERS:-$root/target/tmp/lockers}
# What was uploaded later is not seen: locking again gives the same versions.
before=${BEFORE:-2026-09-01T00:00:00Z}
into=$here port=${PORT:-3141}
if [ "${1-}" = --into ]; then
  mkdir -p "$2"
  into=$(cd "$2" && pwd) port=${PORT:-0}
  shift 2
  cp -R "$here/." "$into"
fi
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(pip pip-tools pipenv poetry uv pylock)

work=$(mktemp -d)
trap 'kill "$mirror" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 "$root/tests/lockers/mirror.py" --port "$port" --before "$before" --ready "$work/port" &
mirror=$!
for _ in $(seq 300); do
  [ -e "$work/port" ] && break
  kill -0 "$mirror" 2>/dev/null || { echo "relock: the loopback index did not start" >&2; exit 7; }
  sleep 0.1
done
port=$(cat "$work/port")
index=http://127.0.0.1:$port/simple
[ "$port" = 3141 ] || sed -i "s/127\.0\.0\.1:3141/127.0.0.1:$port/" "$into"/pipenv/Pipfile "$into"/{poetry,uv}/pyproject.toml

# Nothing of this user's configuration, and no cache: pages of another port are in it.
for name in $(env | sed -n 's/^\(PIP_[A-Z_]*\|UV_[A-Z_]*\|PIPENV_[A-Z_]*\|POETRY_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
export PIP_CONFIG_FILE=/dev/null PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
export PIP_INDEX_URL=$index UV_CACHE_DIR=$work/uv HOME=$work/home XDG_CACHE_HOME=$work/cache
export PIPENV_VENV_IN_PROJECT=0 WORKON_HOME=$work/envs PIPENV_NOSPIN=1 PIPENV_VERBOSITY=-1 NO_COLOR=1
export POETRY_VIRTUALENVS_PATH=$work/envs POETRY_CACHE_DIR=$work/poetry PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring
mkdir -p "$HOME"

lock() {
  cd "$into/$1"
  case $1 in
    pip)
      # pip's own way: download, then hash what came.
      "$lockers/pip/bin/pip" download --quiet --only-binary :all: --dest "$work/wheels" --requirement requirements.in
      python3 - "$work/wheels" >requirements.txt <<'PYTHON'
import hashlib, pathlib, sys
print("# pip download --requirement requirements.in, then pip hash of each file")
for file in sorted(pathlib.Path(sys.argv[1]).iterdir(), key=lambda file: file.name.lower()):
    name, version = file.name.split("-")[:2]
    print(f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}")
PYTHON
      ;;
    pip-tools)
      rm -f requirements.txt
      CUSTOM_COMPILE_COMMAND='pip-compile --generate-hashes requirements.in' \
        "$lockers/piptools/bin/pip-compile" --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --output-file requirements.txt requirements.in ;;
    pipenv) rm -f Pipfile.lock; "$lockers/pipenv/bin/pipenv" lock --python "$lockers/pipenv/bin/python" ;;
    poetry) rm -f poetry.lock; "$lockers/poetry2/bin/poetry" lock --no-interaction ;;
    uv) rm -f uv.lock; "$lockers/uv/bin/uv" lock --quiet --no-python-downloads ;;
    pylock) rm -f pylock.toml; "$lockers/pip/bin/pip" lock --quiet --requirement requirements.in --output pylock.toml ;;
  esac
}
for name in "${names[@]}"; do
  (lock "$name") || { echo "relock: $name failed" >&2; exit 1; }
done
