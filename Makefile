# What one does with pleura, each in one word. Every target sets up .venv by itself and needs
# nothing but make and Python 3.11, 3.12 or 3.13 (make PYTHON=/path/to/python run chooses one).
# CORES=8 uses more cores, ARGS="..." hands further options to Snakemake.

CORES ?= 4
WORKERS ?= 2
FUZZ ?= 100
FUZZ_SEED ?= 0
BENCH ?= results/bench
PYTHONS = $(or $(PYTHON),python3 python3.13 python3.12 python3.11)

.PHONY: help run report test test-all fuzz bench lint format lock

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: .venv/run ## run the workflow, as `snakemake --cores 4` does (ARGS="--config dataset=chest_xrays")
	.venv/bin/snakemake --cores $(CORES) $(ARGS)

report: .venv/run ## make results/<dataset>/report.html, with all that it shows (ARGS as for run)
	.venv/bin/snakemake --cores $(CORES) report $(ARGS)

test: .venv/dev ## run the quick tests
	.venv/bin/pytest -n $(WORKERS) -m "not slow"

test-all: .venv/dev ## run every test; needs Slurm and Chromium
	.venv/bin/pytest -n $(WORKERS)

fuzz: .venv/dev ## try odd inputs for long (FUZZ=100 times as many as the tests, FUZZ_SEED=0)
	FUZZ=$(FUZZ) FUZZ_SEED=$(FUZZ_SEED) .venv/bin/pytest tests/fuzz

bench: .venv/run ## measure speed, memory and growth beside other ways (BENCH=folder, hours)
	.venv/bin/python benchmarks/lesson_speed.py $(BENCH)/lesson
	.venv/bin/python benchmarks/preprocess_speed.py $(BENCH)/preprocess
	.venv/bin/python benchmarks/manifest_speed.py $(BENCH)/manifest
	.venv/bin/python benchmarks/saliency_speed.py
	.venv/bin/python benchmarks/cost_curves.py $(BENCH)/costs

lint: .venv/dev ## check style and format
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/snakefmt --check Snakefile rules
	.venv/bin/snakemake --lint

format: .venv/dev ## put code into shape
	.venv/bin/ruff check --fix
	.venv/bin/ruff format
	.venv/bin/snakefmt Snakefile rules

lock: .venv/dev ## pin new requirements (LOCK=--upgrade: the newest of all)
	.venv/bin/uv pip compile $(LOCK_OPTIONS) requirements.in --output-file requirements.txt
	.venv/bin/uv pip compile $(LOCK_OPTIONS) requirements-dev.in --output-file requirements-dev.txt
	{ sed '/^  - pip:/q' environment.yml; \
	  sed -n 's/^\([a-z].*[^ ]\) *\\$$/      - \1/p' requirements.txt; } > environment.yml.new
	mv environment.yml.new environment.yml

# One version of each package for all platforms and Pythons, so that all compute the same.
LOCK_OPTIONS = --quiet --no-config --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --custom-compile-command "make lock" $(LOCK)

# .venv/run and .venv/dev say what is installed, where and for which Python. They are written
# last: when they differ from what should be, or are missing, the installation is made (again).
SOUGHT = .venv/bin/python -c 'import sys; print(sys.prefix, *sys.version_info[:2])' 2>&1; cat
INSTALL = .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes

.venv/run: FORCE
	@{ $(SOUGHT) requirements.txt; } | cmp -s - $@ && exit; \
	suits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	for python in $(PYTHONS); do "$$python" -c "$$suits" 2>/dev/null && break; python=; done; \
	if [ -z "$$python" ]; then \
	  echo "pleura needs Python 3.11, 3.12 or 3.13; none of these is one: $(PYTHONS)." \
	    "Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; fi; \
	echo "Installing what pleura needs into .venv (a 500 MB download, some minutes)"; \
	"$$python" -m venv --clear .venv && $(INSTALL) -r requirements.txt && \
	{ $(SOUGHT) requirements.txt; } > $@

.venv/dev: .venv/run FORCE
	@{ $(SOUGHT) requirements.txt requirements-dev.txt; } | cmp -s - $@ && exit; \
	echo "Installing what its tests need into .venv"; \
	$(INSTALL) -r requirements.txt -r requirements-dev.txt && \
	{ $(SOUGHT) requirements.txt requirements-dev.txt; } > $@

FORCE:
