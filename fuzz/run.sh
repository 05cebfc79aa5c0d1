#!/usr/bin/env bash
# run.sh [SECONDS [TARGET…]]: fuzzes each target for that long (600), one after the other, beginning with real files.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\(.*\)"/\1/p' Cargo.toml | tail -n +2)
# The versions that the program is built with.
cp ../Cargo.lock Cargo.lock

seeds=target/seeds
mkdir -p "$seeds"
find ../tests ../docs ../examples -type f -size -64k \
  \( -name '*.json' -o -name '*.jsonl' -o -name '*.pem' -o -name '*.toml' -o -name '*.attestation' -o -name '*.provenance' \) |
  while read -r file; do cp "$file" "$seeds/$(sha256sum "$file" | cut -c1-16)"; done
# The full example of each build type is a statement.
for page in ../docs/build-types/*.md; do
  sed -n '/^```json$/,/^```$/p' "$page" | grep -v '^```' >"$seeds/$(basename "$page").json"
done

status=0
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target"
  echo "$target: $seconds s"
  cargo +nightly fuzz run --sanitizer "${SANITIZER:-none}" ${FUZZ_TARGET_DIR:+--target-dir "$FUZZ_TARGET_DIR"} "$target" \
    "corpus/$target" "$seeds" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 >"corpus/$target.log" 2>&1 ||
    { status=1; echo "$target: a finding, see fuzz/corpus/$target.log"; }
  grep -E 'stat::number_of_executed_units|^#.*DONE' "corpus/$target.log" | tail -2
done
exit $status
