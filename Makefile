# promptlab: `make demo` runs the main job, `make test` proves it. `make help` lists the rest.

PYTHON ?= python3
# Base models of the demo; `make demo MODELS=local:smollm2-135m` runs one alone.
MODELS ?= local:smollm2-135m local:gemma-3-270m
# Index of torch's CPU build, used where no NVIDIA GPU is found and the index is reachable; empty: never.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH ?= torch==2.13.0

# Processes of `make test`: as many as cores, four at most, since each may hold base models in memory.
TEST_PROCESSES ?= auto

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
QUIET := $(if $(CI),--quiet,)
INSTALLED := .venv/installed-$(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)
CHROMIUM := $(or $(PROMPTLAB_CHROMIUM),$(shell command -v chromium || command -v chromium-browser || command -v google-chrome))

.DEFAULT_GOAL := help
.PHONY: help install demo test check app bench screenshots editor browser postgresql clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## a .venv with everything that `make test` and `make app` need

$(INSTALLED):
	@sh .ci/create-venv "$(PYTHON)"
	@sh .ci/install-torch "$(TORCH)" "$(TORCH_INDEX)"
	@echo "promptlab: installing its pinned dependencies (a few minutes the first time)"
	@$(PIP) install $(QUIET) --constraint constraints.txt --editable '.[dev]'
	@rm -f .venv/installed-* && touch $@

demo: install ## two prompts x two base models x 64 real sentences, offline after the first time
	@for model in $(MODELS); do case $$model in local:*) $(BIN)/promptlab models pull "$${model#local:}" || exit $$?;; esac; done
	@$(BIN)/promptlab eval evals/sentiment.yaml $(foreach model,$(MODELS),--model $(model))
	@echo "Open it in the browser:  make app"

app: install ## the workbench in the browser, on the demo's database
	@$(BIN)/promptlab ui

browser:
	@sh .ci/install-browser "$(CHROMIUM)"

postgresql:
	@sh .ci/install-postgresql

test: install browser postgresql ## all tests: real base models, real servers, a real browser
	@$(BIN)/promptlab models pull smollm2-135m >&2
	@$(BIN)/promptlab models pull gemma-3-270m >&2
	@$(BIN)/promptlab models pull all-minilm-l6-v2 >&2
	@$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --maxprocesses 4 --dist worksteal

check: install ## format, lint, types, floors, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd app && MYPYPATH=.:../src $(CURDIR)/$(BIN)/mypy --strict --explicit-package-bases .
	$(BIN)/lint-imports
	@twice=$$(find tests -name 'test_*.py' | sed 's|.*/||' | sort | uniq -d); test -z "$$twice" || { echo "two test modules are called $$twice: pytest needs one name each"; exit 1; }
	$(BIN)/python -m promptlab.store.migrate check

bench: install postgresql ## the bars in benchmarks/, each printing its figures
	@for bar in benchmarks/*.py; do echo "== $$bar"; $(BIN)/python "$$bar" || exit $$?; done

screenshots: install browser ## every page of the app, and where the examples lead, into .promptlab/screenshots
	@$(BIN)/python tests/app/screenshots.py .promptlab/screenshots
	@$(BIN)/python tests/app/example_screenshots.py .promptlab/screenshots

editor: ## the Playground's editor, bundled anew after a change in app/editor (needs Node.js)
	@sh .ci/bundle-editor

clean: ## all that make created, but not the database
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
