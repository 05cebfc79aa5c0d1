#!/usr/bin/env bash
# Builds the examples and compares their outputs with expected.sha256.
#
#   examples/run.sh [--show] [--update] [--rebuild] [NAME...]
#
# --show    prints the statement of each example's first output
# --rebuild builds each output again from its statement alone, with an empty dist/, and prints a line of its verdict
# --update  locks anew and writes sealwright.lock and expected.sha256
#
# SEALWRIGHT names the program, else the one on PATH runs.
set -euo pipefail

examples=$(cd "$(dirname "$0")" && pwd)
sealwright=${SEALWRIGHT:-sealwright}
show= update= rebuild=
names=()
for argument in "$@"; do
  case $argument in
    --show) show=yes ;;
    --update) update=yes ;;
    --rebuild) rebuild=yes ;;
    -*) echo "usage: examples/run.sh [--show] [--update] [--rebuild] [NAME...]" >&2; exit 2 ;;
    *) names+=("$argument") ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=(hello hatch-vcs c-extension lockfiles/{pip,pip-tools,pipenv,poetry,uv,pylock} executables/{httpie,black,flask})

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A checkout whose commit is the same on every machine: fixed author, time and tag, no configuration of this host.
checkout() {
  local name=$1 folder=$2
  export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
  export GIT_AUTHOR_NAME=Example GIT_AUTHOR_EMAIL=example@host.example GIT_AUTHOR_DATE='2025-01-01T00:00:00Z'
  export GIT_COMMITTER_NAME=Example GIT_COMMITTER_EMAIL=example@host.example GIT_COMMITTER_DATE='2025-01-01T00:00:00Z'
  git -C "$folder" init --quiet --initial-branch=main
  git -C "$folder" add --all
  git -C "$folder" commit --quiet --message "Example $name"
  git -C "$folder" tag v1.2.0
}

failed=0
for name in "${names[@]}"; do
  folder=$work/$name
  mkdir -p "$folder"
  # Without expected.sha256, which would depend on itself through the commit's id.
  tar -C "$examples/$name" --exclude=./dist --exclude=./provenance --exclude=./expected.sha256 -c . | tar -C "$folder" --no-same-owner -x
  chmod -R u=rwX,go=rX "$folder"

  echo "== $name"
  if [ -n "$update" ]; then
    rm -f "$folder/sealwright.lock"
    checkout "$name" "$folder"
    "$sealwright" -C "$folder" lock
    cp "$folder/sealwright.lock" "$examples/$name/sealwright.lock"
    rm -rf "$folder/.git"
  fi
  compare=yes locked=--locked
  if [ ! -e "$folder/sealwright.lock" ]; then
    # rust-extension: its base image moves.
    compare= locked=
  fi
  if command -v git >/dev/null; then
    checkout "$name" "$folder"
    # Built, not taken from an earlier run: the digests are what is tested.
    "$sealwright" -C "$folder" build ${locked:+"$locked"} --no-cache
  else
    # Without git there is no commit, so the outputs hold the time of this copy.
    echo "skipped: no git here: $name is built as a folder, its digests are not compared"
    compare=
    "$sealwright" -C "$folder" build ${locked:+"$locked"} --source .
  fi

  if [ -n "$show" ]; then
    first=$(ls "$folder"/provenance/*.intoto.jsonl | head -n 1)
    "$sealwright" inspect "$first"
  fi
  if [ -n "$update" ]; then
    (cd "$folder/dist" && sha256sum -- *) >"$examples/$name/expected.sha256"
  elif [ -n "$compare" ]; then
    if (cd "$folder/dist" && sha256sum --check --strict "$examples/$name/expected.sha256"); then
      [ "$(ls "$folder/dist" | wc -l)" = "$(wc -l <"$examples/$name/expected.sha256")" ] || { echo "$name: more files than expected"; failed=1; }
    else
      failed=1
    fi
  fi
  if [ -n "$rebuild" ]; then
    rm -rf "$folder/dist"
    for statement in "$folder"/provenance/*.intoto.jsonl; do
      file=$(basename "$statement" .intoto.jsonl)
      # The commit's repository is named, since it has no address; everything else is in the statement.
      verdict=$("$sealwright" -C "$work" rebuild --unsigned --source "$folder" --json "$statement" |
        sed -n 's/^  "verdict": "\(.*\)",\{0,1\}$/\1/p') || failed=1
      echo "rebuilt $name $file ${verdict:-failed}"
      [ "$verdict" = identical ] || failed=1
    done
  fi
done
exit $failed
