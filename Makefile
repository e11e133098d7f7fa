# Everything sets itself up: `make demo`, `make test`. Needs Python 3.11+, git and make.
PY := .venv/bin/python
export NUMBA_CACHE_DIR ?= $(CURDIR)/.numba-cache
# the tests are one process for each core: threads of their own only get in each other's way
TESTS := POLARS_MAX_THREADS=1 $(PY) -m pytest -n auto --dist worksteal

.PHONY: setup demo check test acceptance bench accuracy docs lock clean

setup:
	@sh .ci/setup

demo: setup            ## the simulated case, end to end
	@.venv/bin/tracer demo

check: setup           ## lint, format, types, import fences, generated docs
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PY) -m cli.docs --check

test: setup            ## the suite with scaled drills (prints its random seed)
	@$(TESTS)

acceptance: setup      ## the full drill counts
	@TRACER_FULL=1 $(TESTS)

bench: setup           ## speeds, written to benchmarks/RESULTS.md
	@$(PY) -m benchmarks

accuracy: setup        ## error rates, written to docs/accuracy.md and rules/accuracy.json (needs TRACER_REALDATA)
	@test -d "$(TRACER_REALDATA)/bitcoin/coinjoin" || { \
		echo "TRACER_REALDATA does not name the real data: the page would lack the labelled mixes" >&2; exit 2; }
	@.venv/bin/tracer cluster evaluate --labels "$(TRACER_REALDATA)/bitcoin/coinjoin" \
		--review tests/real/labels_review.csv --out docs/accuracy.md --rates rules/accuracy.json

docs: setup            ## regenerate the generated pages
	@$(PY) -m cli.docs

lock:                  ## resolve the pinned, hashed requirements anew (needs uv)
	@for extra in "requirements.lock" "requirements-dev.lock --group dev --all-extras"; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header pyproject.toml -o $$extra; done

clean:
	@rm -rf .venv .anvil .litecoin .numba-cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build .bench
