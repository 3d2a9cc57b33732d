#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tc on a kernel without tcx (before Linux 6.6; here it is made to refuse it): a filter in a clsact
# qdisc.  A restarted lbd exchanges its program in place, a reload takes it away and sets it again,
# --detach-data-plane leaves others' filters: no session ends and no segment is lost.  I1, I7.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

A_FEW=6 # segments that a busy machine loses by itself

no_tcx() {
	${CC:-cc} -shared -fPIC -O1 -o "$LAB/notcx.so" -x c - <<-'END' || fail "no compiler"
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>

		enum { TCX_INGRESS = 46 };

		int bpf_link_create(int program, int target, int type, const void *options)
		{
			int (*real)(int, int, int, const void *) = dlsym(RTLD_NEXT, "bpf_link_create");

			if (type != TCX_INGRESS)
				return real(program, target, type, options);
			errno = EINVAL;
			return -EINVAL;
		}
	END
	export LD_PRELOAD=$LAB/notcx.so
}

# A node whose lbd takes more than 5 s to start, on a busy machine, lets the other one lead: that
# costs no session, but segments may have to be sent again.
settled() { pair_is 1 2 || pair_is 2 1; }
epochs() { field 1 vrrp.epoch; field 2 vrrp.epoch; }

filters() { on lb1 tc filter show dev "$1" ingress; }
programs() { filters eth0 | grep -o ' id [0-9]*'; }
exchanged() { [[ $(ours eth0) == 1 && $(programs) != "$1" ]]; }
ours() { filters "$1" | grep -c 'handle 0xca5'; }
pins() { (cd "$LAB/bpf/lb1" && ls) | grep -E '^(link|tcx|clsact)-' | paste -sd' ' -; }
pinned() { [[ $(pins) == "$1" ]]; }

# put HOOK PINS: by reload, on both nodes.
put() {
	local node daemon
	sed -i "s/; hook [a-z]*;/; hook $1;/" "$LAB/pair.conf"
	for node in 1 2; do
		for daemon in lbd syncd vrrpd; do
			signal -HUP "lb$node-$daemon"
		done
	done
	LAB_POLL=0.1 wait_for 60 "lb1 to pin $2" pinned "$2"
	LAB_POLL=0.1 wait_for 60 "the pair to be in sync again" settled
}

LAB_HOOK=tc
no_tcx
pair_start
pinned 'clsact-eth0 clsact-eth1' || fail "pinned: $(pins)"
chat_start load 7000 50 10.20.0.120 30
lost=$(retransmits) epochs=$(epochs)
for signal in -9 -TERM -9; do
	program=$(programs)
	signal "$signal" lb1-lbd
	wait_for 10 "lbd of lb1 to end" gone lb1-lbd
	daemon_start 1 lbd
	await_daemon 1 lbd
	wait_for 60 "the filter to have another program than$program" exchanged "$program"
	LAB_POLL=0.1 wait_for 60 "the pair to be in sync again" settled
	work 300
done
lost=$(($(retransmits) - lost))
((lost <= A_FEW)) || [[ $(epochs) != "$epochs" ]] ||
	{ retransmits_by_kind; fail "$lost segments were lost in three restarts"; }
on lb1 tc filter add dev eth0 ingress pref 7 protocol ip u32 match u32 0 0 flowid 1:1 ||
	fail "no filter beside ours"
put xdp 'link-eth0 link-eth1'
[[ $(ours eth0)$(ours eth1) == 00 ]] || fail "filters are left behind: $(filters eth0)"
put tc 'clsact-eth0 clsact-eth1'
[[ $(ours eth0)$(ours eth1) == 11 ]] || fail "no filters: $(filters eth0)"
chat_stop load
node_stop 1
on lb1 "$LAB_BUILD/lbd" --detach-data-plane --bpf-dir "$LAB/bpf/lb1" >"$LAB/log/detach.log" 2>&1
[[ $(ours eth0)$(ours eth1) == 00 ]] || fail "filters outlive --detach-data-plane"
filters eth0 | grep -q 'pref 7' || fail "another's filter is gone"
say "three restarts, tc to XDP and back: $(chat_total load answers) answers, $lost segments lost," \
	"longest stall $(chat_total load longest_stall_ms) ms"
