# Everything a newcomer types. Needs Python 3.11 or newer with venv, git and make; nothing else, no root.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

DIR ?= demo-workspace
WORKERS ?= auto
ARGS ?=

# The standard library's own names: a broken shim or a Python without venv is passed over.
PYTHONS = $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make constraints" $(if $(UPGRADE),--upgrade)

help: ## Show what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

demo: .venv/.run ## Run real pipelines in a new workspace (DIR=folder, else demo-workspace)
	@$(BIN)/pipemgr demo "$(DIR)"

test: .venv/.dev ## Run every test (ARGS="-k word" narrows, WORKERS=0 runs them in one process)
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

lint: .venv/.dev ## Check style, format, types and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/.dev ## Measure against plain SQLite, SQLAlchemy Core and click in the same run
	$(BIN)/python tests/benchmarks $(ARGS)

evidence: .venv/.dev ## Measure translation on the real files that PIPEMGR_CORPUS names, as a table (ARGS=--details)
	$(BIN)/python tests/evidence $(ARGS)

coverage: .venv/.dev ## Run every test and show the branches that none of them takes
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term $(ARGS)

constraints: .venv/.dev ## Write the pinned requirements files again (UPGRADE=1 takes newer versions)
	$(COMPILE) --group dev --all-extras --output-file requirements-dev.txt
	$(COMPILE) --group build --constraint requirements-dev.txt --output-file requirements.txt

clean: ## Remove the environment, caches and what builds leave behind
	rm -rf .venv build dist .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find pipemgr adapters mappings tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make a second run quick. Hashes pin every byte that is installed; the project itself follows
# with --no-deps and without build isolation, so nothing unpinned is fetched.
.venv/.run: requirements.txt pyproject.toml | .venv/bin/python
	@echo "Installing what pipemgr needs into .venv"
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@pwd -P > .venv/.home && touch $@

.venv/.dev: requirements-dev.txt pyproject.toml | .venv/bin/python
	@echo "Installing pipemgr and its test tools into .venv (a minute or two, once)"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@pwd -P > .venv/.home && touch .venv/.run $@

# A virtual environment dies when its folder moves or its Python is upgraded away: make a new one then.
$(shell home="$$(cat .venv/.home 2>/dev/null || pwd -P)"; \
	test -x .venv/bin/python && test "$$home" = "$$(pwd -P)" || rm -f .venv/bin/python .venv/.run .venv/.dev)

.venv/bin/python:
	@found=; for python in $(PYTHONS); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  found="$$python"; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	  echo "Creating .venv with $$("$$python" --version)"; \
	  exec "$$python" -m venv --clear .venv; \
	done; \
	if [ -n "$$found" ]; then \
	  echo "$$found has no venv module. On Debian or Ubuntu: apt install python3-venv; then make again." >&2; \
	else \
	  echo "pipemgr needs Python 3.11 or newer; found none of: $(PYTHONS)." >&2; \
	  echo "Name yours with: make PYTHON=/path/to/python3" >&2; \
	fi; exit 1

.PHONY: help demo test lint bench evidence coverage constraints clean
