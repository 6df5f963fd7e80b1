# Everything a newcomer needs is `make run` and `make test`; both install what they need.
#
# Build products that several checkouts can share (DuckDB's library, Python packages) live in $(WEIR_CACHE).

WEIR_CACHE ?= $(HOME)/.cache/weir
export WEIR_CACHE
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
CHROMIUM_PATH ?= /usr/bin/chromium
export CHROMIUM_PATH

# Tests and the binary they start are built once, optimised, with assertions on.
PROFILE := checked
WEIR_BIN ?= $(CARGO_TARGET_DIR)/$(PROFILE)/weir
export WEIR_BIN

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

.PHONY: run
run: deps ui ## Build Weir and start it with a simulated provider and traffic
	cargo build --release --locked --package weir
	$(CARGO_TARGET_DIR)/release/weir demo

.PHONY: build
build: deps ui ## Build the release binary
	cargo build --release --locked --package weir

.PHONY: deps
deps: ## Fetch the DuckDB library
	@scripts/fetch-duckdb.sh

.PHONY: model
model: ## Fetch the sentence-embedding model that tests use
	@scripts/fetch-embedding-model.sh

.PHONY: injection-model
injection-model: ## Make a model for `guard.classifier`, and tell its folder
	@scripts/fetch-injection-model.sh

.PHONY: ui
ui: ui/dist/index.html ## Build the web app

ui/node_modules/.stamp: ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund --silent
	@touch $@

ui/dist/index.html: ui/node_modules/.stamp $(shell find ui/src ui/index.html ui/vite.config.* -type f 2>/dev/null)
	cd ui && npm run --silent build

.PHONY: redis
redis: ## Install the Redis server that tests of fleets start
	@scripts/install-redis.sh

.PHONY: tools
tools: redis ## Install what only the tests need: Redis, Chromium, client packages
	@scripts/install-chromium.sh
	@tests/clients/setup.sh

.PHONY: test
test: deps ui tools lint test-rust test-ui fuzz test-browser test-clients ## Run every check and test

.PHONY: lint
lint: deps ui ## Format, clippy, the project's own checks
	cargo fmt --all --check
	cargo clippy --locked --profile $(PROFILE) --workspace --all-targets -- -D warnings
	cargo xtask tidy

.PHONY: test-rust
test-rust: deps model redis ui ## Unit, property and integration tests; kill and replay tests included
	cargo build --locked --profile $(PROFILE) --package weir
	cargo test --locked --profile $(PROFILE) --workspace

.PHONY: test-ui
test-ui: ui ## Types and logic of the web app
	cd ui && npm run --silent check && npm test --silent

.PHONY: test-browser
test-browser: ui tools ## Real Chromium against a running Weir
	cargo build --locked --profile $(PROFILE) --package weir
	WEIR_CLIENTS="$$(tests/clients/setup.sh)" tests/browser/run.sh

.PHONY: test-clients
test-clients: tools ## Real client libraries against a running Weir
	cargo build --locked --profile $(PROFILE) --package weir
	tests/clients/run.sh

.PHONY: fuzz
fuzz: deps ## Run every fuzz target for a short while
	SECONDS_EACH=$${FUZZ_SECONDS:-10} FUZZ_SEED=$${FUZZ_SEED:-1} scripts/fuzz.sh

.PHONY: bench
bench: build ## Measure against nginx and against limits; see bench/README.md
	bench/run.sh

.PHONY: clean
clean: ## Remove build products
	cargo clean
	rm -rf ui/dist ui/node_modules
