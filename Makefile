# Each target is one command on a fresh machine with Python >= 3.11, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: check test lint figures proofs clean

check: $(VENV)/installed  ## the main job: every claim, at quick scale
	$(BIN)/theorylab check

test: $(VENV)/installed
	$(BIN)/python -m pytest -n $(JOBS)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

figures: $(VENV)/installed
	for script in figures/*/*.py; do $(BIN)/python $$script || exit 1; done

proofs: $(VENV)/installed
	$(BIN)/python -m proofs

# neural-tangents, the oracle of the kernels, asks for TensorFlow at installation only.
$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "theorylab needs Python >= 3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'neural-tangents==0.6.5'
	touch $@

clean:
	rm -rf $(VENV)
