# Every target sets up .venv on first use: nothing has to be installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo reproduce test check format bench clean

help:
	@echo "make demo       train the relational agent on BoxWorld-Easy, evaluate it, draw what it attends to"
	@echo "make reproduce  the paper's Box-World: train, evaluate, generalise, draw"
	@echo "make test       run all tests"
	@echo "make check      formatter, linter and type checker"
	@echo "make format     let the formatter and the linter mend what they can"
	@echo "make bench      measure the environment and the training loop"

# One stamp per set of dependencies; a change of setup.cfg installs again.
$(VENV)/.stamp-run: setup.cfg pyproject.toml
	@echo "Setting up $(VENV) (first use; a few minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.stamp-dev: setup.cfg pyproject.toml
	@echo "Setting up $(VENV) with the development tools (first use; a few minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.stamp-run

demo: $(VENV)/.stamp-run
	@$(BIN)/python -m experiments.demo

reproduce: $(VENV)/.stamp-run
	@$(BIN)/python -m experiments.demo --config=boxworld --levels=5000 --generalisation

test: $(VENV)/.stamp-dev
	@$(BIN)/python -m pytest

check: $(VENV)/.stamp-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.stamp-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.stamp-dev
	@$(BIN)/python -m experiments.benchmark

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
