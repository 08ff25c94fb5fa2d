# Each target is one command on a fresh machine with Python >= 3.11, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: check test test-browser lint figures proofs docs calibrate clean

check: $(VENV)/installed  ## the main job: every claim, at quick scale
	$(BIN)/theorylab check

test: $(VENV)/installed
	$(BIN)/python -m pytest -n $(JOBS)

test-browser: $(VENV)/browser  ## the report's page, in the system's Chromium
	$(BIN)/python -m pytest -m browser tests/browser

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

figures: $(VENV)/installed
	for script in figures/*/*.py; do $(BIN)/python $$script || exit 1; done

proofs: $(VENV)/installed
	$(BIN)/python -m proofs

docs: $(VENV)/docs  ## the pages, in docs/_build; a warning is an error, and so is a remote address
	$(BIN)/python -m sphinx --quiet --fresh-env --nitpicky --fail-on-warning --keep-going docs docs/_build
	$(BIN)/python docs/offline.py docs/_build

calibrate: $(VENV)/installed  ## how often the engine errs on claims of known truth; 20 minutes
	$(BIN)/python -m benchmarks.calibration

# neural-tangents, the oracle of the kernels, asks for TensorFlow at installation only.
$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "theorylab needs Python >= 3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'neural-tangents==0.6.5'
	touch $@

$(VENV)/browser: $(VENV)/installed
	command -v chromium || command -v chromium-browser || (apt-get update && apt-get install --yes chromium)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[browser]'
	touch $@

$(VENV)/docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV)
