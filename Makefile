# `make demo`, `make bench` and `make test`, each alone from a fresh clone. They need Python >= 3.10 with pip, and the package registry
# once: the first run makes .venv, a later one installs nothing and works offline.
#   make PYTHON=python3.12 test       another Python
#   make WORKERS=8 test               more test processes
#   make clean                        remove .venv

PYTHON  ?= python3
VENV    ?= .venv
WORKERS ?= 2
BIN     := $(VENV)/bin
# Threads of torch and numpy: one for each of the test processes. Unset, `make demo` uses every core.
TESTENV := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

REQUIREMENTS := requirements.txt $(sort $(wildcard requirements/*.txt))
PACKAGE      := setup.py pyproject.toml mmisr/version.py

# A package that asks the network for its own updates at import, and pip's question about pip's.
export NO_ALBUMENTATIONS_UPDATE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Images of containers often set this. Then every process compiles all that it imports again: 15 seconds
# of work where 5 do, some seventy times in a test run.
export PYTHONDONTWRITEBYTECODE :=

# The key of what is installed: nothing is installed again while it stays the same, whatever the files' dates.
key = $(shell cat $(1) 2>/dev/null | cksum | tr ' ' '-')
INSTALLED := $(VENV)/.installed-$(call key,$(REQUIREMENTS))
LINKED    := $(VENV)/.linked-$(call key,$(REQUIREMENTS) $(PACKAGE))

.PHONY: help setup demo bench docs test test-upstream lint types imports compiled unit data format clean
.DELETE_ON_ERROR:

help:
	@echo "make demo   evaluate InstanceSR on tree crowns: one table, one picture per sample"
	@echo "make test   everything that a change must pass"
	@echo "make bench  time InstanceSR against its dense self: one table, work_dirs/bench/results.json"
	@echo "make test-upstream  the official packages: doctor, the demo's AP, some of the tests"
	@echo "make docs   build the documentation: work_dirs/docs/index.html"
	@echo "make setup  .venv alone;  make format  apply the style;  make clean  remove .venv"

setup: $(LINKED)

# Large feature maps in pages of 2 MiB, where Linux allows it: a fifth less time on the CPU.
demo bench: export THP_MEM_ALLOC_ENABLE := 1

demo: setup
	$(BIN)/python tools/demo.py

# LR frames WxH; 1280x720 takes the base size a quarter of an hour on two cores.
FRAMES ?= 320x180 640x360

bench: setup data
	$(BIN)/python tools/analysis/benchmark.py configs/instance_sr/instance-sr-nano-x4_tree-crowns.py \
	  --sizes nano base --frames $(FRAMES)

# The theme's note about its successor is no warning of ours, and no build of ours may warn.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# Side by side: on two cores the first three take one, and what the tests import is compiled meanwhile.
test: setup
	$(MAKE) --no-print-directory -j 2 lint types imports compiled
	$(MAKE) --no-print-directory unit

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup
	$(BIN)/mypy mmisr

imports: setup
	$(BIN)/lint-imports --no-logo

# Else each of the test processes compiles torch, mmdet and the others for itself, all at once.
compiled: setup
	@$(BIN)/python -c "import mmisr.apis, mmisr.openmmlab.stack as stack; stack.prepare()"

unit: setup data
	$(TESTENV) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# The official mmengine, mmcv, mmdet and mmagic on an older torch, in an environment of its own, which is kept.
UPSTREAM           ?= .venv-upstream
UPSTREAM_FILES     := tests/upstream/requirements.txt setup.py
UPSTREAM_INSTALLED := $(UPSTREAM)/.installed-$(call key,$(UPSTREAM_FILES))
UPSTREAM_TESTS     := tests/openmmlab/test_doors.py tests/openmmlab/test_saving.py tests/datasets/test_watched.py \
  tests/datasets/test_orientation.py tests/apis/checks/test_monitors.py \
  tests/apis/checks/test_checkpoints.py tests/tools/test_train_resume.py

test-upstream: $(UPSTREAM_INSTALLED) data
	$(UPSTREAM)/bin/python -m mmisr doctor
	$(UPSTREAM)/bin/python tools/demo.py --out work_dirs/upstream
	$(UPSTREAM)/bin/python tests/upstream/check_demo.py work_dirs/upstream/results.json README.md
	OMP_NUM_THREADS=1 $(UPSTREAM)/bin/python -m pytest -q $(UPSTREAM_TESTS)

# mmcv's source calls itself mmcv-lite where it has no ops, which pip refuses by name: the file is taken as it is.
$(UPSTREAM_INSTALLED):
	$(PYTHON) -m venv --clear $(UPSTREAM)
	$(UPSTREAM)/bin/python -m pip install -q -r tests/upstream/requirements.txt
	-$(UPSTREAM)/bin/python -m pip download -q --no-deps --no-binary :all: --no-build-isolation -d $(UPSTREAM)/src mmcv==2.2.0
	MMCV_WITH_OPS=0 $(UPSTREAM)/bin/python -m pip install -q --no-deps --no-build-isolation $(UPSTREAM)/src/mmcv-2.2.0.tar.gz
	$(UPSTREAM)/bin/python -m pip install -q --no-deps mmagic==1.2.0
	$(UPSTREAM)/bin/python -m pip install -q --no-build-isolation -c tests/upstream/requirements.txt -e ".[mmagic,spandrel]"
	@touch $@

# What tests and configs read: a data set and starting weights that travel in Python packages.
data: data/tree_crowns/val.json data/weights/mobilenet_v2_imagenet.pth

data/tree_crowns/val.json: | $(LINKED)
	$(BIN)/python tools/data/tree_crowns.py

data/weights/mobilenet_v2_imagenet.pth: | $(LINKED)
	$(BIN)/python tools/data/mobilenet_v2.py

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV)

# Debian's Python without python3-venv cannot put pip into a new environment; its own pip can.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "mmisr needs Python >= 3.10, and there is no '$(PYTHON)': make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "mmisr needs Python >= 3.10, '$(PYTHON)' is $$($(PYTHON) --version): make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
	  $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } || { \
	  rm -rf $(VENV); echo "'$(PYTHON)' can make no environment: install its venv module or its pip" >&2; exit 1; }

# The lock also holds for what is built from source (mmcv without compiled ops): old pips read the first name, new ones
# the second. uv takes a third of pip's time but reads none of its settings: behind a mirror that only pip knows, pip
# does it.
$(INSTALLED): | $(BIN)/python
	@echo "installing the pinned requirements into $(VENV): once, 1 to 4 minutes"
	{ $(BIN)/python -m pip install --quiet --no-compile -r requirements/uv.txt && \
	  $(BIN)/python -m uv pip install --python $(BIN)/python --build-constraints requirements/lock.txt \
	    -r requirements.txt; } || \
	  PIP_CONSTRAINT=requirements/lock.txt PIP_BUILD_CONSTRAINT=requirements/lock.txt \
	  $(BIN)/python -m pip install --no-compile -r requirements.txt
	$(BIN)/python -m pip install --no-compile --no-deps -r requirements/mmagic.txt
	@rm -f $(VENV)/.installed-*
	@touch $@

$(LINKED): | $(INSTALLED)
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --no-index --editable .
	@rm -f $(VENV)/.linked-*
	@touch $@
