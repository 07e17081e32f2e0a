# Everything this project can do, by one word each. `make help` lists them.
#
# VENV    the environment that is made and used; it is erased and made anew whenever requirements.lock changes
# PYTHON  the interpreter it is made with (3.11 to 3.13)
# LAB     options of JupyterLab for `make lab`, such as LAB=--no-browser

VENV   ?= .venv
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))

# The name carries the lock's checksum, and the file is made last: an interrupted or outdated installation has none.
STAMP := $(VENV)/.installed-$(firstword $(shell cksum requirements.lock))
BIN   := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(VENV)/bin
PY    := $(BIN)/python

# Stages find the environment's programs and this folder's olmlib, whatever the caller's shell has set;
# what notebooks must not get from it is in companion/kernel.py.
export PATH := $(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)
export PYTHONNOUSERSITE := 1
export DVC_NO_ANALYTICS := 1
unexport PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX

AVMNIST   = $(wildcard $(or $(OLM_REAL_DATA),../shared/data)/avmnist)
NOTEBOOKS = $(wildcard notebooks/*.ipynb assignments/*.ipynb assignments/*/*.ipynb)

.NOTPARALLEL:
.PHONY: help install data reproduce lab test bench compare lint clean-notebooks smoke avmnist

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1|/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-24s%s\n", $$1, $$2}'

install: $(STAMP)  ## make .venv with the locked packages

$(STAMP):
	@[ -n "$(PYTHON)" ] || { echo "No Python found: install Python 3.11, or say PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "$(PYTHON) is $$("$(PYTHON)" --version), but 3.11 to 3.13 is needed: say PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' || { \
	  echo "$(PYTHON) cannot make environments: install its venv package (Debian: python3-venv)"; exit 1; }
	"$(PYTHON)" -m venv --clear "$(VENV)"
	"$(PY)" -m pip install --disable-pip-version-check --quiet --use-pep517 --requirement requirements.lock
	"$(PY)" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch "$@"

data: $(STAMP)
	@"$(PY)" -m companion.store
	@"$(BIN)/dvc" pull data.dvc </dev/null || { \
	  echo "data/ could not be brought to the state that data.dvc names. If files in data/ were changed:"; \
	  echo "  keep them:   .venv/bin/dvc add data"; \
	  echo "  drop them:   .venv/bin/dvc checkout --force data.dvc"; \
	  echo "If a lock is named, another pipeline runs in this folder: wait for it."; exit 1; }

reproduce: $(STAMP) data  ## every table and figure of the profile in params.yaml, then where they are
	@profile=$$("$(PY)" -c 'from companion import params; from companion.runs.grid import check_rows; \
	  known = params.load(); check_rows(known); print(known.profile)' 2>&1) || { \
	  echo "$$profile" | sed '/^Traceback/,/^[^ ]*Error/{/^[^ ]*Error/!d}'; exit 1; }; \
	profile=$$(echo "$$profile" | tail -n 1); \
	"$(BIN)/dvc" repro || { code=$$?; echo; \
	  echo "dvc repro stopped. Finished work is kept: mend what is named above and run 'make reproduce' again."; \
	  echo "If it names a lock or says 'is busy', another pipeline runs in this folder: wait for it."; exit $$code; }; \
	echo; echo "Tables and figures of profile $$profile:"; find "results/$$profile" -type f | sort | sed 's/^/  /'; \
	echo "Executed notebooks:"; find executed -name '*.ipynb' | sort | sed 's/^/  /'

lab: $(STAMP) data  ## the notebooks in JupyterLab
	"$(PY)" -m companion.notebooks lab $(LAB)

# Whole files go to a core, so that what a file's tests share is made once.
test: $(STAMP) data  ## every test
	"$(PY)" -m pytest --numprocesses auto --dist loadfile

bench: $(STAMP) data  ## the speed budgets: a table, and build/bench.json
	"$(PY)" -m benchmarks

compare: $(STAMP)  ## are the results those in git? cell by cell
	"$(PY)" -m companion.compare

lint: $(STAMP)  ## ruff, its format, types, and no outputs in notebooks
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(PY)" -m mypy
	"$(PY)" -m companion.notebooks verify $(NOTEBOOKS)

clean-notebooks: $(STAMP)  ## remove outputs, counts and times from the notebooks in git
	"$(PY)" -m companion.notebooks clean $(NOTEBOOKS)

smoke: $(STAMP)  ## the whole pipeline, small, in a clone of the last commit
	VENV="$(VENV)" .ci/smoke

avmnist: $(STAMP) data  ## the AV-MNIST table from real recordings (fetched, unless they are at hand)
	"$(PY)" -m companion.data.avmnist raw/avmnist $(addprefix --source ,$(AVMNIST))
	"$(BIN)/dvc" repro avmnist/dvc.yaml
