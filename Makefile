# make run    builds and starts the program with demonstration data on http://127.0.0.1:8080
# The whole workspace is built, never one crate of it: another set of features would compile the typesetter again.
# make test   everything that CI checks;  make test-fast  without PostgreSQL and browser
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DATA ?= data
LISTEN ?= 127.0.0.1:8080
CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
export CARGO_TARGET_DIR := $(abspath $(TARGET))

.PHONY: help run test test-fast check lint test-databases journeys assets docs manual bench soak demo-reset tools tools-assets test-deps

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

run: tools assets ## build and start with demonstration data
	$(CARGO) build --release --locked -p mianban
	"$(CARGO_TARGET_DIR)/release/mianban" serve --demo --listen $(LISTEN) --data-dir $(DATA)

test: tools test-deps assets lint ## everything: format, lints, both databases, browser journeys
	scripts/with-postgres.sh $(MAKE) --no-print-directory test-databases journeys

test-fast: tools test-deps assets ## tests on SQLite, no browser
	$(CARGO) test --locked --workspace

# The same tests run on SQLite and, when MIANBAN_TEST_POSTGRES is set, on PostgreSQL too.
test-databases:
	$(CARGO) test --locked --workspace --no-fail-fast

lint: assets
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

check: tools lint ## format and lints only

journeys: tools test-deps assets
	$(CARGO) build --locked --workspace
	node e2e/run.mjs

assets: tools-assets ## stylesheets, scripts, icons and fonts
	@scripts/npm-install.sh
	@node scripts/assets.mjs

docs: tools assets ## write the generated documents again
	MIANBAN_UPDATE_DOCS=1 $(CARGO) test --locked --workspace

manual: tools test-deps assets ## take the pictures of the user's manual again, from the demonstration
	$(CARGO) build --locked --workspace
	node e2e/manual.mjs

# On PostgreSQL too where it is installed; scripts/install-test-deps.sh installs it.
bench: tools assets ## measure the release build at 100,000 and its lists at 1,000,000 applications; figures go to docs/benchmarks*.md
	$(CARGO) build --release --locked -p mianban -p bench
	@wrapper=; if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then \
	  wrapper=scripts/with-postgres.sh; else echo "PostgreSQL is not installed: SQLite alone is measured" >&2; fi; \
	$$wrapper "$(CARGO_TARGET_DIR)/release/bench" "$(CARGO_TARGET_DIR)/release/mianban" --report docs/benchmarks.md; \
	$$wrapper "$(CARGO_TARGET_DIR)/release/bench" "$(CARGO_TARGET_DIR)/release/mianban" --only lists --report docs/benchmarks-lists.md

soak: tools test-deps assets ## long campaigns: the property tests; 200 kills, 200 killed migrations and 800 other faults on each database
	PROPTEST_CASES=20000 MIANBAN_TEST_KILLS=200 MIANBAN_TEST_FAULTS=800 scripts/with-postgres.sh $(CARGO) test --locked --workspace

demo-reset: ## remove the demonstration data in ./data; the next `make run` makes it anew
	@if [ -d "$(DATA)" ] && [ -n "$$(ls -A "$(DATA)")" ] && ! ls "$(DATA)"/*.sqlite >/dev/null 2>&1; then \
	  echo "make demo-reset: $(DATA) holds no database of this program, nothing removed" >&2; exit 1; fi
	rm -rf -- "$(DATA)"

tools:
	@scripts/check-tools.sh cargo node npm cc

tools-assets:
	@scripts/check-tools.sh node npm

test-deps:
	@scripts/install-test-deps.sh
