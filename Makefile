# Everything a developer calls. The first call makes .venv; root on Debian gets what else is missing.

PYTHON ?= python3
BIN := .venv/bin
SOURCES := supervisor app.py gunicorn.conf.py
COMPILE := pip-compile --quiet --upgrade --strip-extras --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-emit-trusted-host --no-emit-options

.DEFAULT_GOAL := help
.PHONY: help run demo quick test faults check lint format bench image update clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

run: .venv/installed ## Start the service in the foreground (settings: docs/configuration.md)
	@exec $(BIN)/gunicorn --config gunicorn.conf.py app:app

demo: .venv/installed ## Show the main job on a real stack (KEEP=1 leaves it running)
	@scripts/with-engine.sh scripts/demo.sh

# What has no engine can't wait for one: the address given here leads nowhere.
quick: lint ## Lint, and run every test that needs no engine: what to call after each change
	@DOCKER_HOST=unix:///no-engine $(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 \
		--dist worksteal -m "not engine" $(ARGS)

# Much of the time goes into waiting for containers, so four files run side by side. The order is
# that of the names: the folder with a thousand quick tests comes last, so that all end together.
test: .venv/installed ## Run the tests, on a real engine (ARGS="-k polling")
	@scripts/with-engine.sh $(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder \
		--durations 25 --durations-min 1 $(ARGS)

faults: .venv/installed ## Run what proves the fault plan; print a line for each row (ARGS="-k engine")
	@scripts/with-engine.sh $(BIN)/python -m tests.faults $(ARGS)

check: lint test ## Lint, format, types, import layers, then the tests

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports --no-logo

format: .venv/installed ## Format the code and fix what can be fixed by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python scripts/architecture.py

bench: .venv/installed ## Measure, and print the table of bench/README.md
	@scripts/with-engine.sh $(BIN)/python -m bench $(ARGS)

image: .venv/installed ## Build the container image, as supervisor:VERSION and supervisor:latest
	@scripts/with-engine.sh scripts/image.sh "supervisor:$$(sed -n 's/^version = //p' setup.cfg)" \
		--tag supervisor:latest

update: .venv/installed ## Pin the newest release of every dependency, and install it
	cd requirements && ../$(BIN)/$(COMPILE) run.in --output-file run.txt
	cd requirements && ../$(BIN)/$(COMPILE) --allow-unsafe dev.in --output-file dev.txt
	@$(MAKE) --no-print-directory .venv/installed

clean: ## Remove what the tools made; storage/ stays
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/installed: requirements/run.txt requirements/dev.txt
	@echo "Installing into .venv …"
	@PYTHON=$(PYTHON) scripts/venv.sh
	@touch $@
