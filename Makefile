# README.md, "Working on mailconf", describes what each target does.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: all demo test live check bench format clean
all: check test

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadfile

# The engines wait more than they work: three at a time.
live: $(STAMP)
	tests/live/install-engines
	$(BIN)/python -m pytest tests/live -m live -o addopts="-q --strict-markers" -n 3 --dist loadfile

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python grammars/generate.py --check

bench: $(STAMP)
	tests/live/install-engines
	$(BIN)/python -m tests.bench

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .demo .live .bench .mypy_cache .ruff_cache .pytest_cache
