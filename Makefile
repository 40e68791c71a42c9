# Two commands do everything, each from nothing, each safe to repeat: make demo, make test.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check slow clean

demo: .venv/demo
	$(BIN)/genlab compare digits --seconds 30 --out reports/demo --force
	@echo "to go on: source .venv/bin/activate, which makes genlab a command of this shell"

test: .venv/dev
	$(BIN)/python -m pytest -n 2

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

slow: .venv/dev
	$(BIN)/python -m pytest -m slow

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "genlab needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch .venv/demo

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch .venv/demo .venv/dev

clean:
	rm -rf .venv reports/demo
