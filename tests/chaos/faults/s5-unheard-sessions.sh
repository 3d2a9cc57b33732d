# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The channel is cut, clients that nobody knows open sessions, and the active node dies with all that
# it could not tell.  The pool has not changed, so the standby derives where each of them belongs.
id=S5
title="sessions are opened while the channel is cut, and the active node dies"
touches="all"
hold_ms=300
dark_ms=320 connect_ms=360
heal_s=20

strangers_have_a_way() { ip -n "lb$1" route replace 10.21.0.0/16 via "$LAB_CLIENTS"; }
# Addresses that no node has pinned: others each time.
strangers() {
	local number i
	number=$(($(cat "$LAB/strangers" 2>/dev/null || echo 0) + 1))
	echo "$number" >"$LAB/strangers"
	for ((i = 1; i <= 20; i++)); do
		echo "addr add 10.21.$((number % 250)).$i/32 dev lo"
	done | ip -n client -force -batch - 2>/dev/null
	STRANGER=10.21.$((number % 250)).1
}

# After a change of members both nodes go on deriving by the former ones until both have followed; a
# node that was promoted lately waits longer with that.
prepare() { LAB_POLL=0.1 wait_for 75 "the nodes to follow a change of members" bases_followed "$1"; }

inject() {
	channel_cut
	wait_for 5 "lb$1 to miss the channel" channel_is_down "$1"
	strangers_have_a_way 1
	strangers_have_a_way 2
	strangers
	client_joins strangers 7000 60 75 "$STRANGER" 20
	node_power_off "$1"
}
effect() { has_role "$2" active; }
heal() {
	channel_heal
	node_power_on "$1"
	strangers_have_a_way "$1"
}
