VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.PHONY: run test test-kafka check format bench screenshots translations lock clean

run: $(VENV)/.run  ## demo: everything on embedded servers
	@$(BIN)/calldesk demo

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

lock: $(VENV)/.dev  ## refresh both lock files
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --group build --extra embedded pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --group build --all-extras pyproject.toml -o requirements-dev.lock

clean:  ## remove the environment, demo data and test artefacts
	rm -rf $(VENV) .data artifacts .pytest_cache .ruff_cache .hypothesis *.egg-info
