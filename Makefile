# `make check` and `make test` need only Python 3.11 or later, make and a package index.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOCUMENTING := $(VENV)/.documenting

.PHONY: check test test-slow lint docs readme clean

check: $(INSTALLED)
	$(BIN)/tallystick check

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" --tallystick-quick

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(DOCUMENTING)
	$(BIN)/sphinx-build -q -W --keep-going -E docs build/docs

readme: $(INSTALLED)
	$(BIN)/python -m tallystick.readme .

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $(INSTALLED)

$(DOCUMENTING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet -e ".[docs]"
	touch $(DOCUMENTING)

clean:
	rm -rf $(VENV)
