# README.md, "Working on mailconf", describes what each target does.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: all demo test live proof check bench speed format clean
all: check test

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadfile

# The engines wait more than they work: three at a time. LIVE='tests/live/test_x.py ...' asks only those files.
LIVE ?= tests/live
live: $(STAMP)
	tests/live/install-engines
	$(BIN)/python -m pytest $(LIVE) -m live -o addopts="-q --strict-markers" -n 3 --dist loadfile

# All questions of which live asks a sample: those of the suites of Postfix's source, and the .mc of sendmail's library.
# The counts go into docs/proof.md.
proof: $(STAMP)
	tests/live/install-engines
	$(BIN)/python -m tests.live.proof_figures test_util_suites.py test_smtpd_suites.py test_library_mc_live.py test_testing_live.py

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python grammars/generate.py --check

bench: $(STAMP)
	tests/live/install-engines
	$(BIN)/python -m tests.bench

# The figures of docs/speed.md, measured and written there, on a machine without other work. SPEED='--quick' prints
# them after a third of the time.
SPEED ?=
speed: $(STAMP)
	tests/live/install-engines
	$(BIN)/python -m tests.speed_figures $(SPEED)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .demo .live .bench .mypy_cache .ruff_cache .pytest_cache
