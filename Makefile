VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

# pip fetches uv, and uv the rest, in a fraction of the time: from where pip would; and where it can't, pip does.
UV := UV_DEFAULT_INDEX="$${PIP_INDEX_URL:-$$($(PIP) config get global.index-url 2>/dev/null || echo $$UV_DEFAULT_INDEX)}" \
	$(BIN)/uv pip install --quiet --python $(BIN)/python
install = $(UV) $(1) || $(PIP) install --no-compile $(1)

# Without bytecode every start compiles the libraries anew, which takes longer than the tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-kafka test-postgresql test-real test-deployed check-api check format bench docs screenshots translations postcodes viewer lock clean

run: $(VENV)/.run  ## the demo: everything on this machine, on embedded servers
	@$(BIN)/calldesk demo

help:  ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(BIN)/uv: requirements-uv.lock | $(VENV)/bin/python
	@echo "Installing (once) ..."
	@$(PIP) install --no-compile --require-hashes -r requirements-uv.lock
	@touch $@

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/uv
	@$(call install,--require-hashes -r requirements.lock)
	@$(call install,--no-deps --no-build-isolation -e .)
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/uv
	@echo "Installing the development tools (once) ..."
	@$(call install,--require-hashes -r requirements-dev.lock)
	@$(call install,--no-deps --no-build-isolation -e .)
	@touch $@ $(VENV)/.run

test: $(VENV)/.dev  ## all tests: unit, integration, end-to-end, chaos
	@$(BIN)/python -m tests.e2e.ensure_browser
	@test -d tests/__pycache__ || $(BIN)/pytest --collect-only -q >/dev/null  # else three compile all at once
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -q

test-postgresql: $(VENV)/.dev  ## migrations, booking, sending, relay, search and every page on PostgreSQL 14 to 18, fetched with Maven
	@tests/kafka/need_java.sh
	@tests/postgresql/on_each_version.sh $(BIN)

test-real: $(VENV)/.dev test-kafka test-postgresql test-deployed check-api  ## the tests against real servers: Kafka, Dovecot, nginx ...; and check-api
	@$(BIN)/python -m tests.mailbox.ensure_dovecot
	@TEST_IMAP=dovecot $(BIN)/pytest -q -m imap tests
	@$(BIN)/python -m tests.integration.monitoring.ensure_promtool
	@$(BIN)/pytest -q tests/integration/monitoring/with_promtool.py

check-api: $(VENV)/.dev .data/openapi-generator/openapi-generator.lock  ## Spectral and Redocly over the contracts; clients that generators make of the API's
	@tests/kafka/need_java.sh
	@$(BIN)/pytest -q tests/contracts/linters.py tests/contracts/vendored.py tests/contracts/clients.py

.data/openapi-generator/openapi-generator.lock: tests/contracts/openapi-generator.lock | $(BIN)/uv
	@rm -rf $(@D)
	@$(UV) --target $(@D) --no-deps --require-hashes -r $<
	@cp $< $@

test-deployed: $(VENV)/.dev  ## the application as deploy/ deploys it
	@$(BIN)/python -m tests.e2e.ensure_browser
	@$(BIN)/python -m tests.deployed.ensure_servers
	@$(BIN)/pytest -q tests/deployed

check: $(VENV)/.dev  ## lint, format, types, migrations, translations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/python -m webapp.translations check
	@$(BIN)/pytest -q tests/integration/database/test_migrations.py tests/integration/database/test_migrated_rows.py

format: $(VENV)/.dev  ## lay out the code and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev  ## measure beside aims; ONLY=pages takes one of them, QUICK=1 small sizes
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ONLY)

docs: $(VENV)/.dev  ## the pages of docs/reference/ that are made from the code
	@$(BIN)/python -m tools.reference

screenshots: $(VENV)/.dev  ## docs/screenshots/ afresh
	@$(BIN)/python -m tests.e2e.ensure_browser
	@$(BIN)/python -m tests.e2e.take_screenshots

translations: $(VENV)/.dev  ## bring the catalogs up to date with the screens' texts
	@$(BIN)/python -m webapp.translations update

postcodes: $(VENV)/.dev  ## the table of postcodes and states afresh
	@$(UV) --target .data/postcodes --no-deps countrystatecity-postal-codes==2.0.1
	@PYTHONPATH=.data/postcodes $(BIN)/python tools/postcode_states.py

viewer: $(VENV)/.dev  ## the files of the API's viewer afresh, at the version in tests/contracts/package.json
	@$(BIN)/python -m tests.contracts.viewer

lock: $(VENV)/.dev  ## refresh the lock files
	echo uv | $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url - -o requirements-uv.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --group build --extra embedded pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --group build --all-extras pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url -c requirements.lock pyproject.toml -o requirements-run.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url -c requirements.lock --group build -o requirements-build.lock

clean:  ## remove the environment, demo data and test artefacts
	rm -rf $(VENV) .data artifacts .pytest_cache .ruff_cache .hypothesis *.egg-info

-include tests/kafka/kafka.mk
