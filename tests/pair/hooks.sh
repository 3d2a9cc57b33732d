#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The place of the data plane changes at a reload, to every other one and back, and so does the set
# of its interfaces: sessions go on, on both nodes, and new ones begin.  I1, I7.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

# places NODE: the hook of each interface.
places() {
	pairctl "$1" -j status 2>/dev/null | "$LAB_TOP/tests/lib/field.py" lbd.interface |
		grep -oP "'hook': '\K[^']*" | paste -sd, -
}
are_at() { [[ $(places 1) == "$1" && $(places 2) == "$1" ]]; }
pins() { find "$LAB/bpf/lb1" \( -name 'link-*' -o -name 'tcx-*' -o -name 'clsact-*' \) -printf '%f\n'; }
attached() { [[ $(pins | sort | paste -sd' ' -) == "$1" ]]; }

settled() { pair_is 1 2 || pair_is 2 1; }

# change INTERFACES HOOK XDP PLACE: both nodes follow.
change() {
	local node daemon before
	before=$(retransmits)
	sed -i "s/interface eth0.*; hook [a-z]*; xdp [a-z]*/interface $1; hook $2; xdp $3/" \
		"$LAB/pair.conf"
	for node in 1 2; do
		for daemon in lbd syncd vrrpd; do
			signal -HUP "lb$node-$daemon"
		done
	done
	LAB_POLL=0.1 wait_for 60 "both nodes to be at $4" are_at "$4"
	LAB_POLL=0.1 wait_for 60 "the pair to be in sync again" settled
	work 300
	say "$1: $4; $(($(retransmits) - before)) segments sent again"
}

pair_start
chat_start load 7000 50 10.20.0.120 30
probe_start
change 'eth0, eth1' tc auto tc,tc
attached 'tcx-eth0 tcx-eth1' || attached 'clsact-eth0 clsact-eth1' || fail "pinned: $(pins)"
change 'eth0, eth1' xdp generic 'generic XDP,generic XDP'
change 'eth0, eth1' xdp native 'native XDP,native XDP'
change 'eth0, eth1' xdp generic 'generic XDP,generic XDP'
change 'eth0, eth1, eth2' tc auto tc,tc,tc
change 'eth0, eth1' tc auto tc,tc
attached 'tcx-eth0 tcx-eth1' || attached 'clsact-eth0 clsact-eth1' || fail "pinned: $(pins)"
change 'eth0, eth1' xdp native 'native XDP,native XDP'
attached 'link-eth0 link-eth1' || fail "pinned: $(pins)"
signal -TERM probe
wait_for 5 "probe to end" gone probe
chat_stop load
say "$(chat_total load answers) answers, longest stall $(chat_total load longest_stall_ms) ms;" \
	"longest time without a new connection $(chat_total probe longest_gap_ms) ms"
