# Everything a developer needs: `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
# Optional parts to install, as pyproject.toml names them: all, or postgres mysql …
EXTRAS ?= all
# Processes that share the tests (they wait for servers much of the time); 0 runs them in one.
WORKERS ?= 3

VENV := .venv
BIN := $(VENV)/bin
empty :=
space := $(empty) $(empty)
# The stamp names the extras, so that asking for others installs again.
STAMP := $(VENV)/.installed-$(subst $(space),-,$(strip $(EXTRAS)))

EXAMPLES := esl inventory customers orders

.PHONY: help setup services demo slack-demo examples $(EXAMPLES:%=example-%) airflow test lint format bench docs clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

setup: $(STAMP) services ## Make .venv with the pinned libraries, and see that the servers for tests are there.

$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	@PYTHON="$(PYTHON)" EXTRAS="$(EXTRAS)" VENV="$(VENV)" bash tools/setup.sh
	@rm -f $(VENV)/.installed-*
	@touch $@

services:
	@bash tools/services.sh

demo: $(STAMP) ## Sync real data through every gate and show what happened.
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash tools/demo.sh

slack-demo: $(STAMP) ## Live through an incident in a made-up Slack; pages and pictures go to build/slack-demo.
	@$(BIN)/python tools/slack_demo.py

examples: $(EXAMPLES:%=example-%) ## Live through the four complete example syncs, one after the other.

example-esl: ## Changed prices from PostgreSQL to a label server's API; what it refuses is set aside.
example-inventory: ## Stock from a paginated API, whose tokens end on the way, into SQLite.
example-customers: services ## Customers from MariaDB to PostgreSQL; a mail that names none of them.
example-orders: ## Nightly files on S3 into PostgreSQL, with every version of every order.
$(EXAMPLES:%=example-%): $(STAMP)
	@$(BIN)/python contracts/examples/$(@:example-%=%)/example.py

airflow: $(STAMP) ## Start an Airflow of your own with the example contracts; Ctrl-C ends it.
	@$(BIN)/python tools/local_airflow.py

test: setup ## Run the tests (WORKERS=0 for one process, TESTS=path for some).
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope $(TESTS)

lint: $(STAMP) ## Check style, types and who may import whom.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Put the code into its form.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP) ## Measure beside other tools and hand-written SQL (ARGS=... goes to the bench).
	@$(BIN)/python -m bench $(ARGS)

docs: $(STAMP) ## Write what is generated from code into docs/ and check the rest (CHECK=1 only checks).
	@$(BIN)/python tools/docs.py $(if $(CHECK),--check)

clean: ## Remove what builds and tests left; .venv stays.
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
