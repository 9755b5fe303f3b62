# SPDX-License-Identifier: GPL-2.0-only
# Builds, installs and tests stampcap. `make help` lists the targets.

VERSION := 0.1.0

# Debian packages, by what needs them. `make deps`, `make demo` and `make check` install the missing ones.
BUILD_PACKAGES := gcc libc6-dev make clang bpftool libbpf-dev libxdp-dev libelf-dev libpcap-dev \
	libjansson-dev uthash-dev zlib1g-dev
DEMO_PACKAGES := iproute2 ethtool iputils-ping curl "busybox-static|busybox" socat
TEST_PACKAGES := libcmocka-dev tcpdump tshark nginx-light nftables procps jq
# Of the tests that boot other kernels; the kernels themselves are pinned in tests/vm/kernels.
VM_PACKAGES := qemu-system-x86 cpio xz-utils zstd kmod bpftrace xdp-tools

# Peers and traffic of the benchmark.
BENCH_PACKAGES := wrk wireshark-common

PREFIX ?= /usr/local
DESTDIR ?=
CC ?= gcc
CLANG ?= clang
JOBS ?= $(shell nproc)

# bpftool lives in /usr/sbin, which an ordinary user's PATH may lack.
export PATH := $(PATH):/usr/sbin:/sbin
SHELL := /bin/bash

MACHINE := $(shell uname -m)
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(patsubst ppc64le,powerpc,$(patsubst \
	s390x,s390,$(MACHINE)))))

BPF_CFLAGS := -O2 -g -Wall -Werror -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -I. -Itracing \
	-I/usr/include/$(MACHINE)-linux-gnu
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
CPPFLAGS_ALL := -D_GNU_SOURCE -DSTAMPCAP_VERSION='"$(VERSION)"' -I. -Ibuild $(CPPFLAGS)
CFLAGS_ALL := -std=gnu17 -O2 -g $(WARNINGS) $(CFLAGS)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LIBS := -lbpf -lxdp -lelf -lpcap -ljansson -lz $(LDLIBS)

# Definitions of maps first, the function that filters replace last.
TRACE_BPF := tracing/maps.bpf.c $(filter-out tracing/maps.bpf.c tracing/filter.bpf.c,$(wildcard \
	tracing/*.bpf.c tc/*.bpf.c)) tracing/filter.bpf.c
XDP_BPF := xdp/ingress.bpf.c xdp/filter.bpf.c
SKELETONS := build/stampcap.skel.h build/stampcap_hist.skel.h build/ingress.skel.h
SOURCES := $(filter-out %.bpf.c,$(wildcard pcap/*.c user/*.c xdp/*.c tc/*.c tracing/*.c))
LIB_SOURCES := $(filter-out user/main.c,$(SOURCES))

UNIT_TESTS := $(patsubst tests/%.c,build/tests/%,$(wildcard tests/unit/test_*.c tests/fuzz/fuzz_*.c \
	tests/root/test_*.c))
TEST_TOOLS := $(patsubst tests/lib/%.c,build/tests/%,$(wildcard tests/lib/*.c))

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

.PHONY: all
all: build/stampcap

.PHONY: help
help:
	@echo 'all         build/stampcap (default)'
	@echo 'demo        install what is missing, build, record real traffic between two throw-away namespaces'
	@echo 'check       install what is missing, build, run every test under ASan and UBSan (root)'
	@echo 'check-unit  only the tests that need no root; check-e2e: only those on namespaces; check-vm: only those in emulated machines'
	@echo 'check-oracles  payloads that carry their own identity, at full length (root); check-mutants: are the rules of identity tested?'
	@echo 'check-kernels  the long tour: every kernel series and network device in emulated machines (root)'
	@echo 'lint        headers alone, include directions, house limits, generated documents'
	@echo 'bench       what a recording costs beside traffic of several kinds, beside tcpdump and others, and where (root)'
	@echo 'docs        regenerate docs/stages.md from tracing/stages.def'
	@echo 'deps        install the Debian packages the build needs; deps-demo, deps-test: those of the others'
	@echo 'install     to DESTDIR PREFIX ($(PREFIX)); uninstall, clean'

# ---- packages

# $(call install_missing,PACKAGES): "a|b" is content with either and installs a; no service is started by what gets installed (RUNLEVEL is what invoke-rc.d asks).
define install_missing
	@if ! command -v dpkg-query >/dev/null; then \
		echo "make: not a Debian system; needed here are the equivalents of: $(1)" >&2; exit 0; \
	fi; \
	missing=; \
	for package in $(1); do \
		dpkg-query -W -f='$${Status}\n' $${package//|/ } 2>/dev/null | grep -q '^install ok installed' || \
			missing="$$missing $${package%%|*}"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" != 0 ]; then \
		echo "make: packages are missing; as root: apt-get install -y --no-install-recommends$$missing" >&2; \
		exit 1; \
	fi; \
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing
endef

.PHONY: deps deps-demo deps-test deps-bench
deps:
	$(call install_missing,$(BUILD_PACKAGES))
deps-demo:
	$(call install_missing,$(BUILD_PACKAGES) $(DEMO_PACKAGES))
deps-test:
	$(call install_missing,$(BUILD_PACKAGES) $(DEMO_PACKAGES) $(TEST_PACKAGES) $(VM_PACKAGES))

deps-bench:
	$(call install_missing,$(BUILD_PACKAGES) $(DEMO_PACKAGES) $(TEST_PACKAGES) $(VM_PACKAGES) $(BENCH_PACKAGES))

# ---- BPF objects and their skeletons

# The tracing and TC programs share maps and state: one translation unit (libbpf 1.1 cannot link objects that call kernel functions).
build/bpf/stampcap.bpf.c: $(TRACE_BPF) Makefile
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(TRACE_BPF) > $@

build/bpf/ingress.bpf.c: $(XDP_BPF) Makefile
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(XDP_BPF) > $@

build/%.bpf.o: build/bpf/%.bpf.c
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

# The same, but histograms are kept instead of records sent.
build/stampcap_hist.bpf.o: build/bpf/stampcap.bpf.c
	$(CLANG) $(BPF_CFLAGS) -DSC_HIST -MMD -MP -c $< -o $@

build/stampcap_hist.skel.h: build/stampcap_hist.bpf.o
	bpftool gen skeleton $< name stampcap_hist_bpf > $@

build/stampcap.skel.h: build/stampcap.bpf.o
	bpftool gen skeleton $< name stampcap_bpf > $@

build/ingress.skel.h: build/ingress.bpf.o
	bpftool gen skeleton $< name ingress > $@

# ---- user space: plain in build/obj, sanitized in build/asan

build/obj/%.o: %.c Makefile | $(SKELETONS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

build/asan/%.o: %.c Makefile | $(SKELETONS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(SANITIZE) -MMD -MP -c $< -o $@

build/libstampcap.a: $(LIB_SOURCES:%.c=build/obj/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

build/asan/libstampcap.a: $(LIB_SOURCES:%.c=build/asan/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

build/stampcap: build/obj/user/main.o build/libstampcap.a
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) $^ -o $@ $(LIBS)

build/asan/stampcap: build/asan/user/main.o build/asan/libstampcap.a
	$(CC) $(CFLAGS_ALL) $(SANITIZE) $(LDFLAGS) $^ -o $@ $(LIBS)

# ---- tests

# What the tests of a folder share, besides headers.
$(filter build/tests/root/%,$(UNIT_TESTS)): $(patsubst %.c,build/asan/%.o,$(filter-out \
	tests/root/test_%.c,$(wildcard tests/root/*.c)))

$(UNIT_TESTS): build/tests/%: build/asan/tests/%.o build/asan/libstampcap.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(SANITIZE) $(LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) -o $@ -lcmocka $(LIBS)

# Programs that ask the kernel for a filter's verdict, and what runs them.
build/bpf/verdict_%.bpf.c: tests/verdict/%.bpf.c Makefile
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $< > $@

build/verdict_%.skel.h: build/verdict_%.bpf.o
	bpftool gen skeleton $< name verdict_$* > $@

build/asan/tests/verdict/verdict.o: build/verdict_tc.skel.h build/verdict_xdp.skel.h

$(filter build/tests/root/test_filter% build/tests/fuzz/fuzz_filter,$(UNIT_TESTS)): build/asan/tests/verdict/verdict.o

# The traffic programs stand alone: nothing of ours is linked into what the tests compare us with.
$(TEST_TOOLS): build/tests/%: tests/lib/%.c $(wildcard tests/lib/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE $(CFLAGS_ALL) $< -o $@

# Empty programs at the hooks of a recording, for the benchmark.
build/empty.bpf.o: tests/bench/empty.bpf.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

build/empty.skel.h: build/empty.bpf.o
	bpftool gen skeleton $< name empty > $@

build/obj/tests/bench/empty_hooks.o: build/empty.skel.h

BENCH_TOOLS := build/tests/bench/empty_hooks build/tests/bench/replay

$(BENCH_TOOLS): build/tests/bench/%: build/obj/tests/bench/%.o build/libstampcap.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) $^ -o $@ $(LIBS)

.PHONY: tests
tests: build/stampcap build/asan/stampcap $(UNIT_TESTS) $(TEST_TOOLS)

QUIET_MAKE := $(MAKE) --no-print-directory

.PHONY: check check-unit check-e2e check-oracles check-vm check-kernels check-mutants lint
lint:
	@tests/run check

check: deps-test
	@$(QUIET_MAKE) -j$(JOBS) tests
	@tests/run $(TESTS)

check-unit:
	@$(QUIET_MAKE) -j$(JOBS) tests
	@tests/run check unit fuzz

check-e2e:
	@$(QUIET_MAKE) -j$(JOBS) tests
	@tests/run root e2e

# Whose packet is it, by payloads that carry their own identity: at full length.
check-oracles: deps-test
	@$(QUIET_MAKE) -j$(JOBS) tests
	@SHRINK=1 tests/run 28_ 29_ 40_ 41_ 42_ 43_ 44_ 45_ 46_

# Does a test notice each rule of identity that is broken?
check-mutants: deps-test
	@tests/mutate

check-vm: deps-test
	@$(QUIET_MAKE) -j$(JOBS) tests
	@tests/run vm

check-kernels: deps-test
	@$(QUIET_MAKE) -j$(JOBS) tests
	@tests/run matrix
	@tests/vm/compatibility.sh build/tests/logs/vm/matrix_* > build/compatibility.md
	@diff docs/compatibility.md build/compatibility.md || { echo 'docs/compatibility.md is not current: cp build/compatibility.md docs/' >&2; exit 1; }

.PHONY: bench
bench: deps-bench
	@$(QUIET_MAKE) -j$(JOBS) build/stampcap $(BENCH_TOOLS) $(TEST_TOOLS)
	@tests/bench/bench.sh
	@[ "$$(nproc)" -lt 2 ] || CLIENT_CPUS=0 SERVER_CPUS=0 SERIES="$${SERIES-noise floor record-floor filter-empty record filter hist}" BENCH_JSON=build/bench-one-cpu.json tests/bench/bench.sh

.PHONY: demo
demo: deps-demo
	@$(QUIET_MAKE) -j$(JOBS) all
	@build/stampcap demo

# What the check scripts need to compile a header the way the build does.
.PHONY: print-flags
print-flags:
	@echo "CC_FLAGS=$(CPPFLAGS_ALL) $(CFLAGS_ALL)"
	@echo "BPF_FLAGS=$(BPF_CFLAGS)"

.PHONY: docs
docs:
	tests/check/stages_md.sh > docs/stages.md

# ---- install

.PHONY: install uninstall
install: build/stampcap
	install -D -m 0755 build/stampcap $(DESTDIR)$(PREFIX)/sbin/stampcap
	install -D -m 0644 docs/stampcap.8 $(DESTDIR)$(PREFIX)/share/man/man8/stampcap.8

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/stampcap $(DESTDIR)$(PREFIX)/share/man/man8/stampcap.8

.PHONY: clean
clean:
	rm -rf build

-include $(shell find build -name '*.d' -not -path 'build/tests/logs/*' 2>/dev/null)
