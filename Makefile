# SPDX-License-Identifier: BSD-2-Clause
#
#	make			build lbd, vrrpd, syncd and pairctl into build/
#	make check		unit tests; needs no root
#	sudo make test		everything: installs what is missing, builds, unit, BPF and pair tests
#	sudo make bench		all benchmarks; bench-failover: blackouts beside keepalived's;
#				bench-dataplane: packets beside nftables', HAProxy's and others';
#				bench-sync: replication beside conntrackd's; bench-health: checks
#	sudo make demo		sessions through a node kill, a return and a planned failover
#	sudo make kernel-test	BPF tests and whole pairs on Debian 12's kernel 6.1, in QEMU
#	sudo make drills N=3	the drills of the pair, over and over, with longer stops and load
#	sudo make pairctl-drill	every kind of fault that `pairctl drill` makes, in the lab
#	sudo make faults FULL=1	replication's faults, with half a million flows; CASES="1 9" picks
#	sudo make chaos		every fault of the catalogue three times; ONLY="P1 N5" picks,
#				SEED=7 MINUTES=60 plays a random schedule, RESUME=1 goes on,
#				RIVAL=1: keepalived, nftables and conntrackd under the same
#	sudo make soak HOURS=24	a pair under light load, with a fault now and then: does anything grow?
#				MINUTES=20, EVERY=3 minutes a fault
#	sudo make push-kills N=200	something dies in the middle of each of as many pushes
#	sudo make push-full	50 pushes of every kind under 1,000 sessions and 2,000 new ones a second
#	sudo make floods	a million spoofed segments of each kind while 1,000 sessions run
#	sudo make resets	members that die with 5,000 clients on them, in every mode
#	sudo make mapi-death	one service of a member dies with 500 mail clients on the array, then a node
#	sudo make modes-full	1 GiB each way in every mode, family and hook; goes on where it ended
#	make sim SEEDS=N	two nodes in virtual time through faults; SEED=first, V=1 tells all
#
# Variables: CC CLANG CFLAGS LDFLAGS PREFIX DESTDIR; V=1 shows commands, SAN=1 adds the address and
# undefined-behaviour sanitizers (into build/san), WERROR=1 turns warnings into errors.

CC ?= gcc
CLANG ?= clang-14
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool) bpftool)
PROTOC ?= protoc-c
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
VERSION := 0.1

ifeq ($(SAN),1)
B := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
B := build
SANFLAGS :=
HARDEN := -D_FORTIFY_SOURCE=3
endif
G := $(B)/gen
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef $(if $(WERROR),-Werror)
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 $(WARN) $(SANFLAGS) $(HARDEN) -fPIE -fstack-protector-strong \
	$(if $(findstring x86,$(shell uname -m)),-fcf-protection) -fno-strict-aliasing
CPPFLAGS += -I. -isystem $(G) -DCASPAIR_VERSION='"$(VERSION)"' -D_GNU_SOURCE
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANFLAGS)
NL_CFLAGS = $(shell $(PKG_CONFIG) --cflags libnl-3.0 libnl-route-3.0)
NL_LIBS = $(shell $(PKG_CONFIG) --libs libnl-3.0 libnl-route-3.0)
CPPFLAGS += $(patsubst -I%,-isystem %,$(NL_CFLAGS))
CHILD_LIBS = $(shell $(PKG_CONFIG) --libs libcurl libcares)
ifneq ($(shell $(PKG_CONFIG) --exists libcurl libcares && echo yes),yes)
$(if $(filter-out setup setup-emulator test kernel-test demo clean format includes,$(or $(MAKECMDGOALS),all)),\
	$(error libcurl or c-ares is missing: sudo make setup, or apt-get install libcurl4-openssl-dev libc-ares-dev))
endif
COMMON_LIBS := -lprotobuf-c -lsodium -lev

PROTO_SRC := $(wildcard proto/*.c)
CONF_SRC := $(wildcard conf/*.c)
PAIRCTL_SRC := $(wildcard conf/pairctl/*.c)
LBD_SRC := $(wildcard lbd/*.c lbd/check/*.c)
VRRP_SRC := $(wildcard vrrp/*.c)
SYNCD_SRC := $(wildcard syncd/*.c)
TEST_SRC := $(wildcard tests/unit/test_*.c)
BPFTEST_SRC := $(wildcard tests/bpf/test_*.c)
SIM_SRC := $(wildcard tests/sim/*.c)
CASMOCK_SRC := $(wildcard tests/casmock/*.c)
ALL_SRC := $(PROTO_SRC) $(CONF_SRC) $(PAIRCTL_SRC) $(LBD_SRC) $(VRRP_SRC) $(SYNCD_SRC)

GEN_C := $(addprefix $(G)/,request.pb-c.c sync.pb-c.c schema.pb-c.c answer.pb-c.c bundle.pb-c.c)
GEN_H := $(GEN_C:.c=.h)
SKEL := $(G)/caspair.skel.h $(G)/caspair_tc.skel.h

objects = $(patsubst %.c,$(B)/obj/%.o,$(filter-out %/main.c,$(1)))
PROTO_A := $(B)/lib/proto.a
CONF_A := $(B)/lib/conf.a
LBD_A := $(B)/lib/lbd.a
VRRP_A := $(B)/lib/vrrp.a
SYNCD_A := $(B)/lib/syncd.a
PAIRCTL_A := $(B)/lib/pairctl.a
BASE_A := $(CONF_A) $(PROTO_A)

PROGRAMS := $(addprefix $(B)/,lbd lbd-check vrrpd syncd pairctl)
TESTS := $(TEST_SRC:tests/unit/%.c=$(B)/tests/%)
BPFTESTS := $(BPFTEST_SRC:tests/bpf/%.c=$(B)/tests/bpf/%)
BENCH_TOOLS := $(addprefix $(B)/tests/bench/,packets load frames.bpf.o katranlike.bpf.o lookup.bpf.o)
TOOLS := $(patsubst tests/tools/%.c,$(B)/tests/%,$(wildcard tests/tools/*.c)) $(B)/tests/casmock \
	$(B)/tests/mapi $(B)/tests/overhear

.PHONY: all check test demo drills faults floods strict bench fuzz sim clean install format tidy includes setup lint
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAMS)

# --- generated --------------------------------------------------------------------------------
$(G)/%.pb-c.c $(G)/%.pb-c.h: proto/%.proto
	$(call say,PROTOC,$<)mkdir -p $(G) && $(PROTOC) -Iproto --c_out=$(G) $<
$(G)/schema.pb-c.c $(G)/schema.pb-c.h: conf/schema.proto
	$(call say,PROTOC,$<)mkdir -p $(G) && $(PROTOC) -Iconf --c_out=$(G) $<
$(G)/bundle.pb-c.c $(G)/bundle.pb-c.h: conf/bundle.proto
	$(call say,PROTOC,$<)mkdir -p $(G) && $(PROTOC) -Iconf --c_out=$(G) $<
$(G)/answer.pb-c.c $(G)/answer.pb-c.h: conf/answer.proto proto/request.proto
	$(call say,PROTOC,$<)mkdir -p $(G) && $(PROTOC) -Iconf -Iproto --c_out=$(G) $<
$(G)/sync.pb-c.c: | $(G)/request.pb-c.h

MULTIARCH := $(shell gcc -print-multiarch 2>/dev/null)
$(B)/obj/lbd/bpf/caspair.bpf.o: lbd/bpf/caspair.bpf.c $(wildcard lbd/bpf/*.h) $(wildcard proto/flow*.h)
	$(call say,BPF,$<)mkdir -p $(@D) && $(CLANG) -g -O2 -mcpu=v3 -target bpf -Wall -Wextra -I. \
		$(if $(MULTIARCH),-isystem /usr/include/$(MULTIARCH)) -c $< -o $@
$(B)/obj/lbd/bpf/caspair_tc.bpf.o: lbd/bpf/caspair.bpf.c $(wildcard lbd/bpf/*.h) $(wildcard proto/flow*.h)
	$(call say,BPF,$< for tc)mkdir -p $(@D) && $(CLANG) -g -O2 -mcpu=v3 -target bpf -Wall -Wextra \
		-Wno-unused-function -DCASPAIR_TC -I. $(if $(MULTIARCH),-isystem /usr/include/$(MULTIARCH)) -c $< -o $@
$(G)/%.skel.h: $(B)/obj/lbd/bpf/%.bpf.o
	$(call say,SKEL,$@)mkdir -p $(@D) && $(BPFTOOL) gen skeleton $< name $* > $@

# --- objects and archives ---------------------------------------------------------------------
$(B)/obj/%.o: %.c | $(GEN_H)
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MD -MP -c $< -o $@
$(B)/obj/gen/%.o: $(G)/%.c $(GEN_H)
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) -I$(G) -O2 -g -fPIE $(SANFLAGS) -c $< -o $@
$(call objects,$(LBD_SRC)) $(B)/obj/lbd/main.o: | $(SKEL)
$(patsubst %.c,$(B)/obj/%.o,$(BPFTEST_SRC)): | $(SKEL)

$(PROTO_A): $(call objects,$(PROTO_SRC)) $(B)/obj/gen/request.pb-c.o $(B)/obj/gen/sync.pb-c.o
$(CONF_A): $(call objects,$(CONF_SRC)) $(B)/obj/gen/schema.pb-c.o $(B)/obj/gen/bundle.pb-c.o
$(LBD_A): $(call objects,$(LBD_SRC))
$(VRRP_A): $(call objects,$(VRRP_SRC))
$(SYNCD_A): $(call objects,$(SYNCD_SRC))
$(PAIRCTL_A): $(call objects,$(PAIRCTL_SRC)) $(B)/obj/gen/answer.pb-c.o
$(B)/lib/%.a:
	$(call say,AR,$@)mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^

link = $(call say,LD,$@)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@
$(B)/lbd: $(B)/obj/lbd/main.o $(LBD_A) $(BASE_A)
	$(link) $^ -lbpf -lelf -lz -lcap-ng $(NL_LIBS) $(COMMON_LIBS)
$(B)/lbd-check: $(B)/obj/lbd/check/main.o $(LBD_A) $(BASE_A)
	$(link) $^ -lcap-ng $(CHILD_LIBS) $(COMMON_LIBS)
$(B)/vrrpd: $(B)/obj/vrrp/main.o $(VRRP_A) $(BASE_A)
	$(link) $^ -lcap-ng $(NL_LIBS) -lpthread $(COMMON_LIBS)
$(B)/syncd: $(B)/obj/syncd/main.o $(SYNCD_A) $(BASE_A)
	$(link) $^ -lbpf -lelf -lz -lcap-ng $(COMMON_LIBS)
$(B)/pairctl: $(B)/obj/conf/pairctl/main.o $(PAIRCTL_A) $(BASE_A)
	$(link) $^ $(COMMON_LIBS)

# --- tests ------------------------------------------------------------------------------------
$(B)/tests/test_%: $(B)/obj/tests/unit/test_%.o $(LBD_A) $(VRRP_A) $(SYNCD_A) $(PAIRCTL_A) $(BASE_A)
	$(link) $^ -Wl,--as-needed -lcmocka -lbpf -lelf -lz -lcap-ng $(NL_LIBS) $(CHILD_LIBS) $(COMMON_LIBS)
$(B)/tests/bpf/test_%: $(B)/obj/tests/bpf/test_%.o $(wildcard tests/bpf/*.h) $(LBD_A) $(BASE_A)
	$(link) $(filter-out %.h,$^) -lcmocka -lbpf -lelf -lz -lcap-ng $(NL_LIBS) $(COMMON_LIBS)
$(B)/tests/impostor: $(B)/obj/tests/tools/impostor.o $(SYNCD_A) $(BASE_A)
	$(link) $^ -lbpf -lelf -lz $(COMMON_LIBS)
$(B)/tests/tables $(B)/tests/flowlag: tests/flow_table.h $(wildcard lbd/bpf/place.h proto/flow*.h)
$(B)/tests/%: tests/tools/%.c
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $< -o $@ -lev -lbpf

$(B)/tests/bench/packets: $(patsubst %,$(B)/obj/tests/bench/%.o,packets packets_options packets_run)
	$(link) $^ -lbpf -lelf -lz -lpthread
$(B)/tests/bench/load: $(B)/obj/tests/bench/load.o
	$(link) $^ -lpthread
$(B)/tests/bench/%.bpf.o: tests/bench/%.bpf.c tests/bench/packets.h
	$(call say,BPF,$<)mkdir -p $(@D) && $(CLANG) -g -O2 -mcpu=v3 -target bpf -Wall -Wextra -I. \
		$(if $(MULTIARCH),-isystem /usr/include/$(MULTIARCH)) -c $< -o $@

# Daemons with a bug each, for faults to find: a function of theirs is another one's.
PLANTED_DAEMONS := $(addprefix $(B)/planted/,mute/vrrpd forgetful/syncd choosy/lbd gullible/syncd)
$(B)/planted/mute/vrrpd: $(B)/obj/tests/chaos/planted/mute.o $(B)/obj/vrrp/main.o $(VRRP_A) $(BASE_A)
	$(link) $^ -Wl,--wrap=announce_send -lcap-ng $(NL_LIBS) -lpthread $(COMMON_LIBS)
$(B)/planted/forgetful/syncd: $(B)/obj/tests/chaos/planted/forgetful.o $(B)/obj/syncd/main.o \
		$(SYNCD_A) $(BASE_A)
	$(link) $^ -Wl,--wrap=table_apply -lbpf -lelf -lz -lcap-ng $(COMMON_LIBS)
$(B)/planted/gullible/syncd: $(B)/obj/tests/chaos/planted/gullible.o $(B)/obj/syncd/main.o \
		$(SYNCD_A) $(BASE_A)
	$(link) $^ -Wl,--wrap=seal_decrypt -lbpf -lelf -lz -lcap-ng $(COMMON_LIBS)
$(B)/planted/choosy/lbd: $(B)/obj/tests/chaos/planted/choosy.o $(B)/obj/lbd/main.o $(LBD_A) $(BASE_A) \
		| $(B)/lbd-check
	$(link) $^ -Wl,--wrap=maglev_fill -lbpf -lelf -lz -lcap-ng $(NL_LIBS) $(COMMON_LIBS)
	$(Q)ln -f $(B)/lbd-check $(@D)/lbd-check # lbd starts the one beside itself

# The daemons of the release after this one, as it might be; its own make knows what is new.
.PHONY: next
next:
	+$(Q)tests/next/build.sh $(B)

$(B)/tests/sim: $(patsubst %.c,$(B)/obj/%.o,$(SIM_SRC)) $(LBD_A) $(VRRP_A) $(SYNCD_A) $(BASE_A)
	$(link) $^ $(COMMON_LIBS)

# A server and its clients; what they share is the wire.
$(B)/tests/casmock: $(patsubst %.c,$(B)/obj/%.o,$(filter-out tests/casmock/client%,$(CASMOCK_SRC)))
	$(link) $^ -lev
$(B)/tests/mapi: $(patsubst %,$(B)/obj/tests/casmock/%.o,client client_line client_talk client_tally pdu syntax tower wire)
	$(link) $^ -lev

# A tap on the channel, and the pure half of it for its unit test.
$(B)/tests/overhear: $(patsubst %,$(B)/obj/tests/overhear/%.o,main tap talk stream)
	$(link) $^
$(B)/tests/test_overhear: $(patsubst %,$(B)/obj/tests/overhear/%.o,talk stream)

check: $(TESTS) $(B)/pairctl
	$(Q)tests/run unit $(TESTS)

setup:
	$(Q)tests/lib/setup.sh
.PHONY: setup-emulator
setup-emulator:
	$(Q)tests/lib/setup.sh emulator

test: setup-emulator
	$(Q)$(MAKE) --no-print-directory test-all
.PHONY: test-all
test-all: all $(TESTS) $(BPFTESTS) $(TOOLS) $(B)/tests/sim next
	$(Q)tests/run all $(B)

kernel-test: setup-emulator
	$(Q)$(MAKE) --no-print-directory kernel-test-run
.PHONY: kernel-test kernel-test-run
kernel-test-run: all $(BPFTESTS) $(TOOLS)
	$(Q)tests/kernel/run.sh $(B)

demo: setup
	$(Q)$(MAKE) --no-print-directory demo-run
.PHONY: demo-run
demo-run: all $(TOOLS)
	$(Q)tests/demo/run.sh $(B)

drills: all $(TOOLS)
	$(Q)for round in $$(seq $(or $(N),3)); do for drill in owners splits planned vip load; do \
		STOP=10 LOAD_S=60 tests/pair/$$drill.sh $(B) || exit 1; done; done

# Every kind of `pairctl drill`, on a pair under its supervisor.
.PHONY: pairctl-drill
pairctl-drill: all $(TOOLS)
	$(Q)FULL=1 tests/pair/drill.sh $(B)

# The full size of what the tests do with a tenth of it.
floods: all $(TOOLS)
	$(Q)FLOOD=1000000 SESSIONS=1000 STALL_MS=500 RATE=$(or $(RATE),25000) tests/pair/floods.sh $(B)

# Faults one by one, or as a seed has it; tests/chaos/README.md.
.PHONY: chaos chaos-planted
chaos: all $(TOOLS) next
	$(Q)REPEAT=$(or $(REPEAT),3) tests/chaos/run $(B)
chaos-planted: all $(TOOLS) $(PLANTED_DAEMONS)
	$(Q)tests/chaos/planted.sh $(B)

# What it holds must stay flat; tests/soak/run has the variables.
.PHONY: soak
soak: all $(TOOLS)
	$(Q)MINUTES=$(or $(MINUTES),$(if $(HOURS),$$(($(HOURS) * 60)),60)) tests/soak/run $(B)

.PHONY: push-full push-kills
push-full: all $(TOOLS)
	$(Q)tests/full/push_load.sh $(B)
push-kills: all $(TOOLS)
	$(Q)N=$(or $(N),200) tests/pair/push_kills.sh $(B)

.PHONY: mapi-death
mapi-death: all $(TOOLS)
	$(Q)FULL=1 tests/pair/mapi_death.sh $(B)

.PHONY: resets
resets: all $(TOOLS)
	$(Q)for test in resets dsr snat; do FLOWS=5000 tests/pair/$$test.sh $(B) || exit 1; done
	$(Q)LAB_V6=1 FLOWS=5000 tests/pair/resets.sh $(B)

# Both places, as often as it takes for what piles up to show.
.PHONY: restarts
restarts: all $(TOOLS)
	$(Q)for hook in xdp tc; do \
		LAB_HOOK=$$hook RESTARTS=$(or $(N),20) tests/pair/restarts.sh $(B) || exit 1; done

# The same, cell by cell; what is done is kept until all of it is.
.PHONY: modes-full
modes-full: all $(TOOLS)
	$(Q)SIZE=1073741824 DONE=$(CURDIR)/$(B)/modes.done tests/pair/modes.sh $(B)

strict: all $(TOOLS)
	$(Q)KILLS=$(or $(KILLS),100) RATE=$(or $(RATE),2000) CONNECTS=2000 tests/pair/strict.sh $(B)

faults: all $(TOOLS)
	$(Q)for test in tests/pair/sync_*.sh tests/pair/garbage.sh; do echo "$$test"; $$test $(B) || exit 1; done

sim: $(B)/tests/sim
	$(Q)mkdir -p $(B)/sim
	$(Q)$< -n $(or $(SEEDS),2000) -s $(or $(SEED),1) $(if $(SKIP),-x $(SKIP)) \
		$(if $(V),-v) -r $(B)/sim/report.json

# One after the other: each measures time.
BENCHES := $(patsubst tests/bench/%.sh,bench-%,$(wildcard tests/bench/*.sh))
.PHONY: $(BENCHES)
bench: all $(TOOLS) $(BENCH_TOOLS)
	$(Q)for bench in $(BENCHES:bench-%=%); do tests/bench/$$bench.sh $(B) || exit 1; done
$(BENCHES): bench-%: all $(TOOLS) $(BENCH_TOOLS)
	$(Q)tests/bench/$*.sh $(B)

fuzz:
	$(Q)tests/fuzz/run.sh $(or $(SECONDS),60)

# --- care -------------------------------------------------------------------------------------
format:
	$(Q)clang-format -i $(ALL_SRC) $(wildcard */*.h */*/*.h) $(TEST_SRC) $(BPFTEST_SRC) \
		$(wildcard lbd/bpf/*.c tests/tools/*.c tests/fuzz/*.c tests/bench/*.c tests/overhear/*.c) \
		$(CASMOCK_SRC)
tidy: $(GEN_H) $(SKEL)
	$(Q)clang-tidy --quiet $(ALL_SRC) -- $(CPPFLAGS) -std=gnu11
includes:
	$(Q)tests/lib/includes.py
compile_commands.json: $(GEN_H) $(SKEL)
	$(Q)tests/lib/compile-commands.py '$(CC) $(CPPFLAGS) $(CFLAGS)' $(ALL_SRC) $(TEST_SRC) > $@

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)/etc/caspair/keys
	install -m 755 $(B)/lbd $(B)/lbd-check $(B)/vrrpd $(B)/syncd $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(B)/pairctl $(DESTDIR)$(PREFIX)/bin
	install -m 644 conf/dist/pair.conf $(DESTDIR)/etc/caspair/pair.conf.sample
	install -d $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/lib/systemd/system \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 644 conf/dist/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 conf/dist/caspair.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/caspair.conf
	for unit in lbd vrrpd syncd; do sed 's,/usr/sbin,$(PREFIX)/sbin,' conf/dist/$$unit.service \
		> $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit.service || exit 1; done

clean:
	rm -rf build compile_commands.json

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
