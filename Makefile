# Every target sets up what it needs in .venv, with uv where it is installed and pip otherwise.
# `make demo` installs what the program needs; the other targets add what tests and checks need.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
PACKAGES := rubrics calibration judge cvalues

.DEFAULT_GOAL := help
.PHONY: help demo test slow real check docs bench wheel audit lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' || \
	  { echo "cvalues needs Python 3.11 to 3.14; name one: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(READY): requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	@scripts/install.sh $(BIN)/python --editable
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -W ignore scripts/compile_used.py
	@touch $(READY)

$(READY_DEV): requirements-dev.lock $(READY)
	@scripts/install.sh $(BIN)/python --editable --dev
	@touch $(READY_DEV)

# Rules of accessibility for the tests in a browser; they skip where there is no npm.
AXE := axe-core@4.14.1
$(VENV)/.ready-axe: | $(READY_DEV)
	@if command -v npm > /dev/null; then npm install --silent --no-save --prefix $(VENV)/axe $(AXE); fi
	@touch $@

demo: $(READY) ## judge the bundled starter set with a simulated judge; writes demo/report.html
	@$(BIN)/cvalues demo --out demo

# Three processes read the tests: what one has compiled, the others need not compile again.
test: $(READY_DEV) ## the default suite, in a few minutes
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m "not slow and not browser and not real" -n 3 --dist loadfile

slow: $(READY_DEV) $(VENV)/.ready-axe ## the long simulations and the real browser too
	@$(BIN)/python -m pytest -m "not real"

real: $(READY_DEV) ## other tools in environments of their own write files that ours reads
	@$(BIN)/python -m pytest -m real tests/real

check: $(READY_DEV) ## format, lint, types, layers, links
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/check_links.py

docs: $(READY_DEV) ## build the documentation in build/site; needs no network
	@$(BIN)/python scripts/build_docs.py

bench: $(READY_DEV) ## measure speed and coverage; prints tables, writes bench/*.json
	@for script in benchmarks/*.py; do $(BIN)/python $$script --quick || exit 1; done

wheel: ## build the wheel and the sdist into dist, and check both
	@$(PYTHON) -m venv .venv-build
	@.venv-build/bin/pip install --quiet --disable-pip-version-check build twine
	@.venv-build/bin/python -m build --outdir dist
	@.venv-build/bin/twine check --strict dist/*

audit: $(READY_DEV) ## advisories over the whole lock, and files that run at every start of Python
	@$(BIN)/python scripts/audit.py

LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-strip-extras --no-emit-index-url --no-header --constraint constraints.txt

lock: ## resolve the dependencies anew (needs uv)
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) --group build -o requirements-build.lock
	@$(LOCK) --constraint requirements.lock --all-extras --group dev pyproject.toml -o requirements-dev.lock

clean: ## remove what the other targets made
	@rm -rf $(VENV) .venv-build demo bench dist .pytest_cache .ruff_cache .hypothesis
