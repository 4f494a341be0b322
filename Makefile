# A thin front for CMake; the presets of CMakePresets.json do the work.  `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
JOBS ?= $(shell nproc)
SECONDS ?= 300
SEEDS ?= 1000
NODES ?= 5
FIRST ?= 1
PREFIX ?= /usr/local
DESTDIR ?=
# The simulator is worth the longer build: a fifth faster.
SIM_FLAGS = -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O3 -g -DNDEBUG"

.PHONY: help deps deps-build build install demo test test-long sim sim-mutants fuzz bench bench-long tidy format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

deps: ## install the Debian packages that are missing (needs root or sudo)
	@tests/deps.sh

deps-build:
	@tests/deps.sh build

build: deps-build ## release binaries in build/bin: filesphered, filesphere, filesphere-bench
	@cmake --preset release -DCMAKE_RUNTIME_OUTPUT_DIRECTORY=$(CURDIR)/build/bin --log-level=WARNING
	@cmake --build build/release -j $(JOBS)

install: deps-build ## programs, libfilesphere, manual, completions, service: PREFIX=/usr/local DESTDIR=
	@cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX) \
		-DCMAKE_RUNTIME_OUTPUT_DIRECTORY=$(CURDIR)/build/bin --log-level=WARNING
	@cmake --build build/release -j $(JOBS)
	@DESTDIR=$(DESTDIR) cmake --install build/release

demo: build ## a tour with real files on one node, kill -9 included; exits 0 only if all was verified
	@tests/system/demo.sh build/bin

test: deps ## everything, under sanitizers; the last line is "N passed, N failed"
	@python3 tests/run.py

test-long: deps ## the same at night size
	@python3 tests/run.py --long

sim: deps ## the simulator: SEEDS=1000 NODES=5 FIRST=1, MUTANT=name breaks something on purpose
	@cmake --preset release -B build/sim $(SIM_FLAGS) --log-level=WARNING
	@cmake --build build/sim -j $(JOBS) --target filesphere-sim$(if $(MUTANT),-mutants) -- --quiet
	@build/sim/bin/filesphere-sim$(if $(MUTANT),-mutants --mutant $(MUTANT)) --jobs $(JOBS) \
		--seeds $(SEEDS) --nodes $(NODES) --first $(FIRST) $(if $(TRACE),--trace)

sim-mutants: deps ## what MUTANT may be, and what it breaks
	@cmake --preset release -B build/sim $(SIM_FLAGS) --log-level=WARNING
	@cmake --build build/sim -j $(JOBS) --target filesphere-sim -- --quiet
	@build/sim/bin/filesphere-sim --list

fuzz: deps ## all fuzz targets with clang, SECONDS=300 in all; crashes are kept in tests/fuzz/crashes
	@cmake --preset fuzz --log-level=WARNING
	@cmake --build build/fuzz -j $(JOBS) --target fuzzers
	@python3 tests/fuzz/run.py --build build/fuzz --seconds $(SECONDS)

bench: build ## what the machine allows and what FileSphere does on it
	@build/bin/filesphere-bench all

bench-long: build ## the same at length, an hour: the whole grid, 10^4 to 10^7 files, profiles; into bench/results
	@tests/deps.sh bench || true # without perf there are no profiles, and it says so
	@bench/long.sh build/bin bench/results

tidy: deps ## layering, doors, banned calls, purity of core
	@python3 tests/tidy/tidy.py

format: deps ## what .clang-format says, over all C files
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -style=file -i

clean: ## remove what was built
	rm -rf build
