#!/usr/bin/env bash
# Builds the judges that are written in Go into target/tmp/judges-go/bin: cosign and slsa-verifier. It takes minutes, so
# that `make test` does not do it: it uses what is there, and says that it skips what is not.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/local/go/bin"

cosign=github.com/sigstore/cosign/v3@v3.1.3
slsa_verifier=github.com/slsa-framework/slsa-verifier/v2@v2.7.1

judges=$PWD/target/tmp/judges-go
mkdir -p "$judges/bin"
if ! command -v go >/dev/null; then
  echo "skipped: there is no go, cosign and slsa-verifier are not built"
  exit
fi
export GOBIN=$judges/bin CGO_ENABLED=0

# build NAME MODULE@VERSION COMMAND...: unless that very version was built before.
build() {
  local name=$1 version=$2
  shift 2
  if [ -x "$judges/bin/$name" ] && [ "$(cat "$judges/$name.version" 2>/dev/null)" = "$version" ]; then
    echo "$name: $version is there"
  elif nice -n 19 "$@"; then
    echo "$version" >"$judges/$name.version"
    echo "$name: $version"
  else
    echo "skipped: $name cannot be built; tests that need it are skipped"
  fi
}

# Its go.mod has `replace`, which `go install` refuses: it is built as a dependency.
slsa_verifier() {
  local module=$judges/slsa-verifier
  mkdir -p "$module"
  # Nothing of netaddr is compiled; its old address is not to be had everywhere.
  cat >"$module/go.mod" <<MOD
module judge.example

require ${slsa_verifier%@*} ${slsa_verifier#*@}

exclude inet.af/netaddr v0.0.0-20230525184311-b8eac61e914a
MOD
  (cd "$module" && go build -mod=mod -o "$judges/bin/slsa-verifier" "${slsa_verifier%@*}/cli/slsa-verifier")
}

build cosign "$cosign" go install "${cosign%@*}/cmd/cosign@${cosign#*@}"
export -f slsa_verifier
export judges slsa_verifier
build slsa-verifier "$slsa_verifier" bash -euc slsa_verifier
