# The gates, in the order in which they are cheapest to fail. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help build test golden demo bench deps licences fmt lint fuzz clean-demo packages servers unit integration

SUITE := tests/run-suite
# Integration tests of all crates, by the name of their file. Tidy is first: it is the cheapest.
INTEGRATION := $(sort $(shell git ls-files '*/tests/*.rs' '*/tests/*/main.rs' | grep -v '/src/' \
    | sed -nE 's,^(.*/)?tests/([a-z_]+)(\.rs|/main\.rs)$$,\2,p'))
FUZZ_TARGETS := $(sort $(notdir $(basename $(wildcard tests/fuzz/fuzz_targets/*.rs))))
# Seconds for each fuzz target.
SECONDS ?= 60

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

build: ## Build all programs for development into target/debug
	cargo build --locked --bins --workspace

test: ## All gates: packages, licences, fmt, lint, build, servers, all tests, one run of the demo
	@$(SUITE) packages tests/need-packages
	@$(MAKE) --no-print-directory licences fmt lint
	@$(SUITE) build $(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory servers unit integration
	@$(SUITE) demo $(MAKE) --no-print-directory demo ONCE=1
	@echo "all gates passed"

deps: ## Install the Debian packages that building and testing need (as root)
	@tests/need-packages install

licences: ## Check licences, banned crates, duplicates and sources against deny.toml, offline
	@$(SUITE) licences cargo test --locked --workspace --test tidy -- deps::

fmt: ## Check the layout of all Rust files
	@$(SUITE) fmt cargo fmt --all --check

lint: ## Run clippy over everything, warnings are errors
	@$(SUITE) lint cargo clippy --locked --workspace --all-targets -- -D warnings

servers: ## Fetch the servers that the tests talk to
	@for script in tests/servers/*.sh; do \
	    if [[ -x $$script ]]; then $(SUITE) servers "$$script" ensure; fi; \
	done

unit: ## Unit and documentation tests of all crates
	@$(SUITE) unit cargo test --locked --workspace --lib --bins
	@$(SUITE) doc cargo test --locked --workspace --doc

integration: ## Each integration test as a suite of its own
	@for name in $(INTEGRATION); do $(SUITE) "$$name" cargo test --locked --workspace --test "$$name"; done

golden: ## Compare with the recorded answers of real servers (GOLDEN_DIR=folder for other recordings)
	cargo test --locked -p tests --test golden -- --nocapture --test-threads=1

demo: ## Start the demo; ONCE=1 runs it through once and stops
	ONCE=$(ONCE) deploy/demo/run.sh

clean-demo: ## Remove what the demo has left
	deploy/demo/run.sh clean

bench: ## Measure the broker
	tests/bench/run

fuzz: ## Run every fuzz target for SECONDS each (needs nightly, cargo-fuzz and a C++ compiler)
	@cargo +nightly fuzz --version >/dev/null || { echo "install it with: cargo install cargo-fuzz --locked"; exit 1; }
	@for target in $(FUZZ_TARGETS); do \
	    mkdir -p "tests/fuzz/corpus/$$target"; \
	    cargo +nightly fuzz run --fuzz-dir tests/fuzz "$$target" "tests/fuzz/corpus/$$target" "tests/fuzz/seeds/$$target" -- \
	        -max_total_time=$(SECONDS) -timeout=10 -print_final_stats=1; \
	done
