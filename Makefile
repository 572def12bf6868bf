# make serve            install into .venv and serve on 127.0.0.1:7860   (HOST=… PORT=… change that)
# make test             everything CI runs: format, lint, types, tests
# make help             the other targets

PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 7860
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help serve test check prove install clean

help:
	@sed -n 's/^# make /make /p' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp stands for "installed as pyproject.toml says now".
$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(PIP) install -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed requirements-test.txt constraints.txt
	$(PIP) install -e '.[vibevoice,redis,ja,otel,wyoming]' -r requirements-test.txt -c constraints.txt
	@touch $@

# Other people's clients, for the tests that use them: some need older versions of what we need.
$(VENV)/clients/.installed: $(BIN)/python tests/clients/requirements.txt
	$(PYTHON) -m venv $(VENV)/clients
	$(VENV)/clients/bin/python -m pip --disable-pip-version-check --quiet install \
		-r tests/clients/requirements.txt
	@touch $@

install: $(VENV)/.installed

serve: $(VENV)/.installed
	$(BIN)/vibevoice-pro serve --host $(HOST) --port $(PORT)

# make check            format, lint and types only
check: $(VENV)/.tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check $(VENV)/clients/.installed
	scripts/install-system-packages.sh
	$(BIN)/python -m pytest

# make prove            longer proofs: ten minutes, an hour, bad lines (about 90 minutes)
prove: $(VENV)/.tested
	$(BIN)/python -m pytest -m prove -s

# make clean            remove what the other targets made
clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist out
