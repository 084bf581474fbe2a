# `make demo` segments a real brain; `make test` runs the tests. Both make the environment in .venv when it is not there.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-slow lint install clean

demo: $(INSTALLED)
	$(BIN)/medseg demo --output demo

# A process a core, and one thread in each: tests with several threads on the same cores slow each other down.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -W ignore::DeprecationWarning -m pytest -n auto --dist worksteal

test: $(INSTALLED)
	$(PYTEST)

test-slow: $(INSTALLED)
	$(PYTEST) -m slow

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(INSTALLED)

# Made anew when what it holds is to change; else reused, so that a second run takes seconds.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "medseg needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,demo]'
	touch $@

clean:
	rm -rf $(VENV) demo
