# Everything that a person or the CI does with this project. `make` alone lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DIR ?= examples/task-queue
MINUTES ?= 10
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test test-quick test-code check release format docs reliability histories bench bench-servers bench-postgres bench-micro bench-page soak pictures clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment is set up again only when pyproject.toml is newer than its stamp, or for another
# Python than it has: `make PYTHON=python3.13 test`.
ifneq ($(origin PYTHON),file)
VERSION = -c 'import sys; print(sys.version)' 2>/dev/null
ifneq ($(shell $(PYTHON) $(VERSION)),$(shell $(BIN)/python $(VERSION)))
$(shell rm -f $(VENV)/stamp)
endif
endif

$(VENV)/stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("runtime needs Python 3.11 or later, and $(PYTHON) is " + sys.version.split()[0] + "; try make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: $(VENV)/stamp ## Run the example; Ctrl-C stops it (DIR=... for another application)
	@exec $(BIN)/runtime run $(DIR)

# A file's tests stay together: they share what it starts.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test: $(VENV)/stamp ## Run all tests (ARGS="-k poison" for some, WORKERS=0 for a debugger)
	@$(PYTEST) $(ARGS)

test-quick: $(VENV)/stamp ## Run the tests that need no server but ours, and are quick
	@$(PYTEST) -m "not slow" $(ARGS)

test-code: $(VENV)/stamp ## Run the quick tests of the code, without those of docs and examples
	@$(PYTEST) -m "not slow" --ignore-glob='$(CURDIR)/tests/test_*.py' $(ARGS)

reliability: $(VENV)/stamp ## Crash, freeze and overload programs for 45 minutes; writes docs/reliability.md
	@$(BIN)/python -m tests.reliability $(ARGS)

histories: $(VENV)/stamp ## Random histories, manifests and requests by the ten thousand, for half an hour
	@RELIABILITY_EXAMPLES=10000 RELIABILITY_ROUNDS=500 RELIABILITY_MUTATIONS=100000 RELIABILITY_REQUESTS=10000 $(BIN)/python -m pytest -q \
		tests/queue/sql/test_store_model.py tests/queue/memory/test_memory_model.py tests/queue/sql/test_unique.py tests/manifest/test_hostile_manifests.py tests/manifest/test_yaml12.py \
		tests/web/protocol/test_mutations.py

release: $(VENV)/stamp ## Build wheel and sdist, and use them from a new environment
	@$(BIN)/python -m tests.release

check: $(VENV)/stamp ## Check format, lint and types
	@$(BIN)/ruff format --check --quiet . || (echo "run: make format"; exit 1)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary

format: $(VENV)/stamp ## Format, and fix what lint can fix
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

docs: $(VENV)/stamp ## Write the generated pages
	@$(BIN)/runtime kinds --markdown > docs/kinds.md
	@$(BIN)/runtime schema > schemas/runtime.schema.json

# The peers of the benchmarks are installed only when somebody measures.
$(VENV)/bench: $(VENV)/stamp
	@echo "installing the peers (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	@touch $@

bench: $(VENV)/bench ## Measure against limits and peers (ARGS=--quick for a minute and a half)
	@$(BIN)/python -m benchmarks compare $(ARGS)

bench-servers: $(VENV)/bench ## Measure queues on PostgreSQL and RabbitMQ, beside peers
	@$(BIN)/python -m benchmarks servers $(ARGS)

bench-postgres: $(VENV)/stamp ## Measure queues on PostgreSQL as they grow, age, and are shared
	@$(BIN)/python -m benchmarks postgres $(ARGS)

bench-micro: $(VENV)/stamp ## Measure single parts of the runtime (ARGS="--quick memory writer")
	@$(BIN)/python -m benchmarks micro $(ARGS)

bench-page: $(VENV)/stamp ## Write the figures of the last run into docs/performance.md
	@$(BIN)/python -m benchmarks page $(ARGS)

soak: $(VENV)/stamp ## Run an application for hours, with reloads and failures, and watch what grows (MINUTES=480)
	@$(BIN)/python -m benchmarks soak --minutes $(MINUTES) $(ARGS)

pictures: $(VENV)/stamp ## Draw the pictures of the documentation anew (needs chromium)
	@$(BIN)/python -m tests.screenshots

clean: ## Remove everything that was generated
	rm -rf .venv .venv-* dist build .mypy_cache .pytest_cache .ruff_cache
