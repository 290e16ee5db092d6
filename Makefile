# Every target sets up what it needs in .venv, with uv where it is installed and pip otherwise.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test slow check bench audit lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' || \
	  { echo "cvalues needs Python 3.11 to 3.14; name one: make PYTHON=python3.12 ..." >&2; exit 2; }
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python \
	    --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . ; \
	fi
	@$(BIN)/python -m compileall -q rubrics calibration judge cvalues
	@touch $(READY)

demo: $(READY) ## judge the bundled starter set with a simulated judge; writes demo/report.html
	@$(BIN)/cvalues demo --out demo

test: $(READY) ## the default suite, in a few minutes
	@$(BIN)/python -m pytest -m "not slow and not browser" -n 2 --dist loadfile

slow: $(READY) ## the long simulations and the real browser too
	@$(BIN)/python -m pytest

check: $(READY) ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports

bench: $(READY) ## measure speed and coverage; prints tables, writes bench/*.json
	@for script in benchmarks/*.py; do $(BIN)/python $$script --quick || exit 1; done

audit: $(READY) ## advisories over the whole lock, and files that run at every start of Python
	@$(BIN)/python scripts/audit.py

lock: ## resolve the dependencies anew (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev \
	  --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock

clean: ## remove what the other targets made
	@rm -rf $(VENV) demo bench .pytest_cache .ruff_cache .hypothesis
