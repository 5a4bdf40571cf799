PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test bench bench-reports lint install payloads simulate promises red soak

demo: .venv/installed
	@$(BIN)/gengfu demo

test: .venv/installed-dev
	@$(BIN)/python -m tests

lint: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: .venv/installed-dev
	@$(BIN)/python -u -m tests.benchmarks

METERS ?= 10000
bench-reports: .venv/installed-dev
	@$(BIN)/python -u -m tests.benchmarks.reports --meters $(METERS)

payloads: .venv/installed-dev
	@$(BIN)/python -u -m tests.support.payloads $(DIR)

SEEDS ?= 2000
simulate: .venv/installed-dev
	@$(BIN)/python -u -m tests.simulation --seeds $(SEEDS)

promises: .venv/installed-dev
	@$(BIN)/python -u -m tests.promises

red: .venv/installed-dev
	@$(BIN)/python -u -m tests.promises.red

KILLS ?= 200
MINUTES ?= 60
soak: .venv/installed-dev
	@$(BIN)/python -u -m tests.soak --kills $(KILLS) --minutes $(MINUTES)

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) deploy/install.py

.venv/installed-dev: requirements-dev.lock pyproject.toml
	@$(PYTHON) deploy/install.py --dev
