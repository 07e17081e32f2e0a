# Everything this project can do, by one word each. `make help` lists them.
#
# VENV    the environment that is made and used; it is erased and made anew whenever requirements.lock changes
# PYTHON  the interpreter it is made with (3.11.5 to 3.13); by default the first on PATH
# LAB     options of JupyterLab for `make lab`, such as LAB=--no-browser

VENV ?= .venv
export VENV PYTHON

# Stages find the environment's programs and this folder's olmlib, whatever the caller's shell has set;
# what results must not get from it is in companion/kernel.py. A recipe quotes what the shell reads, not make:
# the folder may have any name.
BIN := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(VENV)/bin
export PY := $(BIN)/python
export PATH := $(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)
export PYTHONNOUSERSITE := 1
export PYTHONUTF8 := 1
unexport $(filter-out PYTHON PYTHONPATH PYTHONNOUSERSITE PYTHONUTF8,$(filter PYTHON%,$(.VARIABLES)))
# A hook of git that calls make has them set, for its own repository.
unexport GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_COMMON_DIR GIT_NAMESPACE GIT_PREFIX
unexport BASH_ENV CDPATH
# DVC runs a stage by the user's shell, and asks for the user's name and settings.
export SHELL
export USER ?= $(shell id -u)
export DVC_NO_ANALYTICS := 1
export DVC_GLOBAL_CONFIG_DIR := $(CURDIR)/build/home/dvc
export DVC_SYSTEM_CONFIG_DIR := $(CURDIR)/build/home/dvc
export DVC_SITE_CACHE_DIR := $(CURDIR)/.dvc/tmp/site

NOTEBOOKS = $(wildcard notebooks/*.ipynb assignments/*.ipynb assignments/*/*.ipynb)

.NOTPARALLEL:
.PHONY: help install data reproduce book lab test bench gpu-check compare lint clean-notebooks smoke study-data study assignments grade ready by-hand

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1|/p' Makefile | awk -F'|' '{printf "%-24s%s\n", $$1, $$2}'

install:  ## make .venv with the locked packages
	@bash .ci/install

data: install
	@"$$PY" -m companion.store
	@"$$PY" -m dvc pull data.dvc </dev/null || { \
	  echo "data/ could not be brought to the state that data.dvc names. If files in data/ were changed:"; \
	  echo "  keep them:   .venv/bin/dvc add data"; \
	  echo "  drop them:   .venv/bin/dvc checkout --force data.dvc"; \
	  echo "If a lock is named, another pipeline runs in this folder: wait for it."; exit 1; }

reproduce: data  ## every table and figure of the profile in params.yaml, then where they are
	@profile=$$("$$PY" -m companion.runs.check) || exit 1; \
	"$$PY" -m dvc repro || { code=$$?; echo; \
	  echo "dvc repro stopped. Finished work is kept: mend what is named above and run 'make reproduce' again."; \
	  echo "If it names a lock or says 'is busy', another pipeline runs in this folder: wait for it."; exit $$code; }; \
	echo; echo "Tables and figures of profile $$profile:"; find "results/$$profile" -type f | sort | sed 's/^/  /'; \
	echo "Executed notebooks:"; find executed -name '*.ipynb' | sort | sed 's/^/  /'; \
	echo "The book: build/book/html/index.html"

book: install  ## the book, HTML, of the results and executed notebooks that are there
	"$$PY" -m companion.book build/book

lab: data  ## the notebooks in JupyterLab
	"$$PY" -m companion.notebooks lab $(LAB)

ready: data  ## once, some minutes: what notebooks read when they are opened by hand, small
	"$$PY" -m companion.by_hand ready

by-hand: data  ## every notebook as opened by hand, and how long each takes
	"$$PY" -m companion.by_hand check

# Whole files go to a core, so that what a file's tests share is made once.
test: data  ## every test
	"$$PY" -m pytest --numprocesses auto --dist loadfile

bench: data  ## the speed budgets: a table, and build/bench.json
	"$$PY" -m benchmarks

# On a machine with a GPU that has torch and nothing else: python3 -m benchmarks.gpu --out build/gpu.json
gpu-check: install  ## the training loop on a GPU: a table, and build/gpu.json
	"$$PY" -m benchmarks.gpu --out build/gpu.json

compare: install  ## are the results those in git? cell by cell
	"$$PY" -m companion.compare

lint: install  ## ruff, its format, types, and no outputs in notebooks
	"$$PY" -m ruff check .
	"$$PY" -m ruff format --check .
	"$$PY" -m mypy
	"$$PY" -m companion.notebooks verify $(NOTEBOOKS)

clean-notebooks: install  ## remove outputs, counts and times from the notebooks in git
	"$$PY" -m companion.notebooks clean $(NOTEBOOKS)

smoke: install  ## the whole pipeline, small, in a clone of the last commit
	bash .ci/smoke

study-data: install  ## the recordings of the study: fetched, unless they are at hand, and checked
	"$$PY" -m companion.study.fetch

# Recordings before miniatures, so that what is stopped lacks the latter.
study: data study-data  ## the evidence: real recordings, tuned rows, many seeds (about 80 minutes on two cores at 2.6 GHz, 140 on slower ones)
	for set in ravdess digits avmnist; do \
	  "$$PY" -m dvc repro "study/dvc.yaml:train@$$set" || exit; done
	"$$PY" -m dvc repro study/dvc.yaml

assignments: data  ## what students get, made from assignments/: build/assignments/release
	"$$PY" -m companion.grading release

# Read, never written: a folder per student, with the notebooks that came back.
export SUBMISSIONS
grade: data  ## grade a class: make grade SUBMISSIONS=folder writes build/assignments/grades.csv
	"$$PY" -m companion.grading grade "$$SUBMISSIONS"
