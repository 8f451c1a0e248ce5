# Everything a newcomer or a continuous-integration machine types. `make` alone lists it.

VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.installed
# The first of these that is 3.11 or newer and can make environments is taken. Name your own with
# make PYTHON=python3.12 setup
PYTHONS := $(or $(PYTHON),python3.11 python3.12 python3.13 python3 python)
# More words for the command behind `run`, `test`, `bench` and `lock`: make run ARGS="--seed 1"
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench lock smoke clean

help: ## List these targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  More words for the command: make run ARGS="--fusion concat --seed 1"'

setup: $(STAMP) ## Make .venv with the exact, hash-checked packages of requirements.lock.

run: setup ## Cross-validate MM-SurvNet on the toy cohort.
	$(PY) -m experiments.run --fusion dual_xattn $(ARGS)

# Files in their order: else those of few tests come last, and among them are the slowest, at which
# one process would sit alone. What is last now are the doctests. A process that a hanging test
# took with it is not begun anew: the next would do that test again, and again.
test: setup ## Run every test and doctest.
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 \
	  --durations 10 $(ARGS)

check: setup ## Lint, check the format and check the types.
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: setup ## Measure speed and memory, as ratios within one run.
	$(PY) -m experiments.benchmarks $(ARGS)

smoke: setup ## Train two epochs on the toy cohort through the real command line.
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(PY) -m experiments.run --cohort toy --fusion dual_xattn --trainer.max_epochs 2 \
	  --out "$$folder/run" && \
	for file in config.yaml environment.json folds.csv predictions.csv metrics.json; do \
	  test -s "$$folder/run/$$file" || { echo "smoke: the run left no $$file" >&2; exit 1; }; \
	done

# uv keeps the pins that it finds in the file it writes, so nothing moves that need not.
# Newest versions: make lock ARGS=--upgrade
# ecos has no wheel from Python 3.13 on. scikit-survival names it for support vector machines alone,
# which nothing here uses: without it, no compiler is needed.
lock: setup ## Write requirements.lock from pyproject.toml; pins that still hold are kept.
	cp requirements.lock $(VENV)/lock.txt
	echo 'ecos; python_version < "3.13"' | \
	$(VENV)/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet $(ARGS) \
	  --overrides - --output-file $(VENV)/lock.txt
	{ echo '# Exact versions and hashes of everything that `make setup` installs. Made by `make lock`; do not edit.'; \
	  grep -v '^#' $(VENV)/lock.txt; } > $(VENV)/lock.new
	cmp -s $(VENV)/lock.new requirements.lock || mv $(VENV)/lock.new requirements.lock

clean: ## Remove .venv and all caches; data/ and runs/ stay.
	rm -rf $(VENV) *.egg-info build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip checks uv and setuptools against their hashes in the lock; uv then installs the rest in seconds
# instead of minutes, removes what the lock does not name, and checks every hash. What comes as source
# (autograd-gamma, and the project itself) is built with that setuptools, so nothing unchecked is fetched.
$(STAMP): pyproject.toml requirements.lock
	@$(find_python)
	@awk '/^(setuptools|uv)==/ { inside = 1 } inside { print } !/\\$$/ { inside = 0 }' requirements.lock \
	  > $(VENV)/first.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/first.txt
	$(VENV)/bin/uv pip sync --python $(PY) --require-hashes --no-build-isolation requirements.lock
	$(VENV)/bin/uv pip install --python $(PY) --no-deps --no-build-isolation --editable .
	@touch $@

# Keeps an environment that works; otherwise makes one, and says of every candidate why it will not do.
define find_python
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'; \
if $(PY) -c "$$new_enough" 2>/dev/null && $(PY) -m pip --version >/dev/null 2>&1; then exit 0; fi; \
for python in $(PYTHONS); do \
  if ! found=$$(command -v "$$python"); then why="$$why  $$python: not found\n"; continue; fi; \
  if ! version=$$("$$python" --version 2>/dev/null); then why="$$why  $$found: does not start\n"; continue; fi; \
  if ! "$$python" -c "$$new_enough" 2>/dev/null; then why="$$why  $$found: is $$version\n"; continue; fi; \
  if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
    why="$$why  $$found: has no venv module (Debian and Ubuntu: install python3-venv)\n"; continue; fi; \
  echo "making $(VENV) with $$found ($$version)"; \
  "$$python" -m venv --clear $(VENV) && exit 0; \
  why="$$why  $$found: could not make $(VENV)\n"; \
done; \
echo "mmsurv needs Python 3.11 or newer, and none of these will do:" >&2; printf "%b" "$$why" >&2; \
echo 'Install one, or name one: make PYTHON=/path/to/python3.11 setup' >&2; \
exit 1
endef
