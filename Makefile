# SPDX-License-Identifier: BSD-2-Clause
# The few commands of a newcomer; each calls a script in scripts/, the work is done by CMake.
#   make demo       install what is missing, build a release, convolve photographs into out/demo
#   make test       install what is missing, build, run all tests
#   make            build the library and the command line into build/
#   make test-long  the same random tests with more cases, on software Metal too (about 40 minutes)
#   make fuzz       hostile bytes: libFuzzer on every reader, FUZZ_SECONDS (900) each
#   make bench      measure conv2d beside other libraries from PyPI into docs/benchmarks (an hour)
#   make bench-check  judge the figures that the project promises; for a quiet machine
#   make software-metal  build the double of Metal for tests, print its path (CONV2D_METAL_LIBRARY)
#   make install    PREFIX=/usr/local, DESTDIR= as usual
#   make clean      remove build/ and out/
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
export BUILD PREFIX DESTDIR

all:
	@scripts/build.sh

demo:
	@scripts/demo.sh

test:
	@scripts/test.sh

test-long:
	@scripts/test-long.sh

fuzz:
	@tests/fuzz/run.sh $${FUZZ_SECONDS:-900}

bench:
	@scripts/bench.sh

bench-check:
	@scripts/bench-check.sh

software-metal:
	@scripts/software-metal.sh

install:
	@scripts/install.sh

clean:
	rm -rf build out

.PHONY: all demo test test-long fuzz bench bench-check software-metal install clean
