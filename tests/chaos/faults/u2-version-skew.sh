# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The standby runs the next release, S1 and P7 in one: the channel loses a fifth, and the active node
# its power.  It returns as it was, is upgraded too, and both go back, the standby first.
id=U2
title="two releases in one pair, a channel that loses 20 %, and the active node loses its power"
touches="all"
hold_ms=1000
dark_ms=320 connect_ms=360
heal_s=20

. "$LAB_TOP/tests/lib/release.sh"

prepare() { has_next_release; }

# in_step WHAT: in sync and equal.
in_step() {
	LAB_POLL=0.1 wait_for 60 "both nodes in sync: $1" settled
	equal_by_its_word "$(active)" "$1"
}
# over_to NODE: it leads, whoever did.
over_to() {
	has_role "$1" active || LAB_POLL=0.1 wait_for 30 "failover to lb$1" pairctl "$(other "$1")" failover
	LAB_POLL=0.1 wait_for 30 "lb$1 to lead" pair_is "$1" "$(other "$1")"
}

inject() {
	upgrade "$2"
	in_step "the standby is upgraded"
	[[ $(release "$1") != "$(release "$2")" ]] || fail "both nodes run $(release "$1")"
	cable_lossy
	work 3000
	node_power_off "$1"
}
effect() { has_role "$2" active; }

heal() {
	cable_whole
	node_power_on "$1"
	in_step "the older release is back"
	upgrade "$1"
	in_step "both are upgraded"
	over_to "$1"
	downgrade "$2"
	in_step "the standby goes back"
	over_to "$2"
	downgrade "$1"
	mark_fault whole
}
check() { [[ ! -e $LAB/lb1/release && ! -e $LAB/lb2/release ]] || fail "a node has kept the next release"; }
