# make demo   builds the example project in the box and shows its statement
# make test   every test that this machine can run
# The rest: make help

CARGO ?= cargo
# One store for all tests: a base image takes a while to make.
export SEALWRIGHT_TEST_STORE ?= $(CURDIR)/target/tmp/store

.PHONY: demo test judges lint bench corpus upstream install docs help

demo: ## build examples/hello in the box, show what comes out (needs a Rust toolchain and a network)
	$(CARGO) build --release --locked
	SEALWRIGHT=$(CURDIR)/target/release/sealwright examples/run.sh --show hello

test: ## unit, integration and engine tests, as root also as an ordinary user, then the examples
	tests/setup.sh
	$(CARGO) test --workspace --locked
	tests/as-user.sh --check || $(CARGO) test --locked --test it \
	  --config 'target."cfg(all())".runner = "$(CURDIR)/tests/as-user.sh"' -- --skip tidy::
	SEALWRIGHT=$(CURDIR)/target/debug/sealwright SEALWRIGHT_STORE=$(SEALWRIGHT_TEST_STORE) examples/run.sh

judges: ## build or install every independent judge that `make test` then uses (cosign takes minutes; needs Go)
	tests/setup.sh
	tests/judges.sh

lint: ## formatting, lints, documentation, licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items --locked
	@if $(CARGO) deny --version >/dev/null 2>&1; \
	then $(CARGO) deny --offline check bans licenses sources; \
	else echo 'skipped: cargo-deny is not installed, licences and sources of dependencies are not checked'; fi

bench: ## what sealwright takes beside its peers, as ratios (as root on Debian, see benches/README.md)
	$(CARGO) build --release --locked
	benches/run.py --program $(CURDIR)/target/release/sealwright

corpus: ## build the most downloaded projects twice each, compare (see tests/corpus/README.md)
	$(CARGO) build --release --locked
	tests/corpus/run.py --program $(CURDIR)/target/release/sealwright $(CORPUS)

upstream: ## rebuild published wheels from their sdists, write docs/upstream.md
	$(CARGO) build --release --locked
	tests/corpus/upstream.py --program $(CURDIR)/target/release/sealwright --table docs/upstream.md $(UPSTREAM)

docs: ## write the generated pages of docs/reference again
	$(CARGO) run --quiet --locked --package xtask -- docs

install: ## install the program for this user
	$(CARGO) install --locked --path .

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10
