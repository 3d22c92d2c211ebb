# `make demo` and `make test` do all the set-up themselves; nothing is installed outside .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test chaos check format locale screenshots docs bench bench-smtp bench-delivery bench-send-code bench-flows bench-oidc bench-console conformance-config clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the virtual environment in .venv

$(READY): pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || \
	  { echo "Python cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 2; }
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --group dev \
	  --editable . $(foreach plugin,$(wildcard plugins/*/pyproject.toml),--editable $(dir $(plugin)))
	@touch $@

demo: setup ## Run everything at once: server, sample application, mailbox
	$(BIN)/idp demo $(ARGS)

test: setup ## Run every test
	$(BIN)/pytest --numprocesses auto $(ARGS)

chaos: setup ## Kill everything at random moments, and account for every promised mail
	PYTHONPATH=tests/support $(BIN)/python -m chaos $(ARGS)

check: setup ## Check format, lint, types, imports and spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@for tests in $(wildcard plugins/*/tests); do $(BIN)/mypy $$tests || exit 1; done
	$(BIN)/lint-imports
	$(BIN)/codespell

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: setup ## Make the pictures of the documentation again
	$(BIN)/pytest tests/e2e --screenshots docs/images

locale: setup ## Collect the sentences of the pages, and compile the translations
	$(BIN)/pybabel -q extract -F babel.cfg -k mark -k mark_plural:1,2 --no-location --sort-output --omit-header -o idp/web/locale/pages.pot .
	for catalogue in idp/web/locale/*/LC_MESSAGES/pages.po; do \
	  locale=$$(basename $$(dirname $$(dirname $$catalogue))) && \
	  $(BIN)/pybabel -q update --omit-header --no-fuzzy-matching --ignore-obsolete --no-wrap --input-file idp/web/locale/pages.pot \
	    --output-file $$catalogue --locale $$locale && \
	  $(BIN)/pybabel -q compile --use-fuzzy --input-file $$catalogue --output-file $${catalogue%.po}.mo --locale $$locale || exit 1; \
	done

docs: setup ## Build the documentation into site/
	$(BIN)/zensical build --strict --clean

bench: setup ## Make the published figures again
	@for file in $(wildcard benchmarks/*/__main__.py); do $(BIN)/python -m $$(dirname $$file | tr / .) || exit 1; done

bench-smtp: setup ## Make the figures of the SMTP connector again
	$(BIN)/python -m benchmarks.smtp --write

bench-flows: setup ## Make the figures of registration again
	$(BIN)/python -m benchmarks.flows --write

bench-delivery: setup ## Make the figures of delivery again
	$(BIN)/python -m benchmarks.delivery --write

bench-send-code: setup ## Make the figures of the page after "send code" again
	$(BIN)/python -m benchmarks.send_code --write

bench-oidc: setup ## Make the figures of the protocol endpoints again
	$(BIN)/python -m benchmarks.oidc --write

bench-console: setup ## Make the figures of the console again
	$(BIN)/python -m benchmarks.console --write

conformance-config: setup ## Print what the OpenID conformance suite needs, after adding it
	@PYTHONPATH=tests/support $(BIN)/python -m conformance_config $(ARGS)

clean: ## Remove what was made
	rm -rf .venv site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
