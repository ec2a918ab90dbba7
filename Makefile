# make demo: the main job, from nothing to a chart. make test: the tests. Both set up .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo
SMOKE := runs/smoke
PART ?= tests
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile
HALF := $(patsubst %,experiments/%.py,inception_cost accuracy_vs_cost ensembles transfer pooling)

.PHONY: help setup demo demo-tuned experiments-smoke test test-slow lint format clean

help:
	@echo 'make demo      set up .venv, train twelve small networks, draw error against multiply-adds'
	@echo 'make demo-tuned  the same with a learning rate for each network, chosen by validation error: half an hour'
	@echo 'make experiments-smoke  two steps of every trial of every experiment'
	@echo 'make test      set up .venv, run the tests except the slow ones'
	@echo 'make test-slow run the slow tests, with PART=PATHS those of some files (tests/README.md)'
	@echo 'make lint      ruff check and format check'
	@echo 'make format    let ruff mend what it can'
	@echo 'make clean     remove .venv and caches; runs/ stays'

setup: $(VENV)/.installed

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	@echo '== setting up $(VENV) with '"$$($(PYTHON) --version)"' (a minute or two)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,wandb]'
	@touch $@

demo: setup
	@echo '== training twelve networks on the packaged subset of Fashion-MNIST (a few minutes on two cores)'
	@$(BIN)/cnn-bench sweep experiments/accuracy_vs_cost.py --preset demo --jobs 2 --out $(DEMO)
	@echo '== drawing the charts'
	@$(BIN)/cnn-bench report $(DEMO)

# The fair form: every network with a rate of its own, chosen by validation error among four. As long as forty minutes.
demo-tuned: setup
	@echo '== tuning and training twelve networks, each with four rates, then with two seeds (half an hour on two cores)'
	@$(BIN)/cnn-bench sweep experiments/accuracy_vs_cost.py --preset demo --tune-trials 4 --seeds 2 --jobs 2 \
	  --out $(DEMO)-tuned
	@$(BIN)/cnn-bench report $(DEMO)-tuned

# Two steps do not repay a compiler's efforts, nor a process for each trial. A failed trial fails its sweep, and with it
# this target. Two processes, of which one does HALF of the work and the other all else, keep two cores busy to the end;
# what one has compiled is there for both, as many trials train the same network.
experiments-smoke: setup
	@echo '== two steps of every trial of every experiment (minutes on two cores)'
	@rm -rf $(SMOKE)
	@printf '%s\n' '$(HALF)' '$(filter-out $(HALF),$(wildcard experiments/*.py))' | \
	  JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 \
	  XLA_FLAGS='--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false' \
	  xargs -P 2 -L 1 $(BIN)/cnn-bench sweep --preset smoke --executor inline --out $(SMOKE)

test: setup
	@echo '== running the tests'
	@$(PYTEST) -m 'not slow'

test-slow: setup
	@echo '== running slow tests: $(PART)'
	@$(PYTEST) -m slow $(PART)

lint: setup
	@echo '== ruff'
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

format: setup
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache build *.egg-info
