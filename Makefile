# Everything that gates a change, and everything a newcomer needs, by one word each.
# Rule 1. Every target sets up what it needs: `.venv` and `node_modules` in this checkout, and
#         nothing outside it, so two checkouts never meet. A stamp newer than its list means: ready,
#         and no network is touched.
# Rule 2. Nothing exists only in CI: `.ci/run` calls `make check`.

PYTHON ?= python3
NPM ?= npm
BIN := .venv/bin
PY_STAMP := .venv/.installed
NODE_STAMP := node_modules/.installed
RUNTIME_STAMP := .venv-runtime/.installed
# What is linted and typed: whatever of it is there.
SOURCES := $(wildcard durable tests scripts bench samples function_app.py)

# What `make simulate` is told: MINUTES=10, SEED=1234, FULL=1, AGAIN='what a full run printed'.
SIMULATION := $(if $(AGAIN),--again '$(AGAIN)') $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) $(if $(FULL),--full)
.DEFAULT_GOAL := help
.PHONY: help setup runtime demo run test check lint fix simulate mutants bench soak clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: $(PY_STAMP) $(NODE_STAMP) ## install what the other targets need (they do it themselves)

runtime: $(RUNTIME_STAMP) ## the real worker library in .venv-runtime, if python3.13 is found

demo: setup ## run HelloCities end to end on Azurite and print its final status
	@$(BIN)/python scripts/demo.py

run: setup ## the same, and keep serving until Ctrl-C; APP=samples/classic/monitor serves that one
	@$(BIN)/python scripts/demo.py --serve $(if $(APP),--app $(APP) --port $(or $(PORT),7071))

test: setup runtime ## all tests; prints what it skipped and why
	@$(BIN)/python -m pytest

check: lint runtime ## everything that gates: format, lint, types, layers, tests
	@$(BIN)/python -m pytest

lint: setup ## check without the tests
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports

fix: $(PY_STAMP) ## format, and repair what ruff can
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

simulate: setup ## random programs under random faults for 50 s; MINUTES=10, SEED=n, FULL=1: every single fault
	@$(BIN)/python -m durable.testing.simulation $(SIMULATION)

mutants: setup ## every engine that is wrong on purpose must be caught; prints by which oracle
	@$(BIN)/python -m tests.mutants

bench: setup ## storage transactions and round trips of a few orchestrations
	@$(BIN)/python -m bench

soak: setup ## orchestrations and a bank while hosts are killed; a hot entity; then long runs
	@echo "this takes fifteen to twenty minutes" >&2
	@$(BIN)/python -m bench.soak
	@$(BIN)/python -m bench.bank
	@$(BIN)/python -m bench.hot_entity
	@$(BIN)/python -m bench.long_runs

clean: ## remove what set-up and the tools made
	rm -rf .venv .venv-runtime node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The stamp is written last: an install that was interrupted is done again.
$(PY_STAMP): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	@echo "installing the Python packages of requirements-dev.txt into .venv" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Never an error: without Python 3.13 the tests of the real worker library say that they are skipped.
# A pyenv shim wants to be told its version; any other python3.13 does not care.
$(RUNTIME_STAMP): requirements-runtime.txt
	@for version in "$$PYENV_VERSION" 3.13.0; do \
		test -z "$$version" || export PYENV_VERSION="$$version"; \
		python3.13 -c '' 2>/dev/null || continue; \
		.venv-runtime/bin/python -m pip --version >/dev/null 2>&1 || python3.13 -m venv .venv-runtime || exit 1; \
		echo "installing the packages of requirements-runtime.txt into .venv-runtime" >&2; \
		.venv-runtime/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-runtime.txt || exit 1; \
		touch $@; exit 0; \
	done; \
	echo "no python3.13 here: the tests with the real worker library (tests/runtime) are SKIPPED" >&2

$(NODE_STAMP): package-lock.json
	@command -v $(NPM) >/dev/null || { echo "Node with npm is needed, for Azurite" >&2; exit 1; }
	@echo "installing Azurite into node_modules" >&2
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
