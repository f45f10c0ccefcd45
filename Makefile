# Every target sets up .venv on first use: nothing has to be installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo reproduce test check format bench docs clean

help:
	@echo "make demo       train the relational agent on BoxWorld-Easy, evaluate it, draw its attention"
	@echo "make reproduce  the paper's Box-World: train, evaluate, test generalisation, draw"
	@echo "make test       run all tests"
	@echo "make check      formatter, linter and type checker"
	@echo "make format     format the code and auto-fix what the linter can"
	@echo "make bench      measure the environment and the training loop"
	@echo "make docs       build the documentation into site/"
	@echo "make clean      remove .venv, build outputs and caches"

# One stamp per set of dependencies; a change of setup.cfg installs again.
$(VENV)/.stamp-train: setup.cfg pyproject.toml
	@echo "Setting up $(VENV) (first use; a few minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --editable '.[train]'
	@touch $@

$(VENV)/.stamp-dev: setup.cfg pyproject.toml
	@echo "Setting up $(VENV) with the development tools (first use; a few minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.stamp-train

demo: $(VENV)/.stamp-train
	@$(BIN)/python -m experiments.cli demo

reproduce: $(VENV)/.stamp-train
	@$(BIN)/python -m experiments.cli demo --config=boxworld --levels=5000 --generalisation

# Two processes, a file of tests at a time: what a file sets up is set up once.
test: $(VENV)/.stamp-dev
	@TF_CPP_MIN_LOG_LEVEL=2 $(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.stamp-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.stamp-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.stamp-dev
	@$(BIN)/python -m experiments.cli benchmark

docs: $(VENV)/.stamp-dev
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
