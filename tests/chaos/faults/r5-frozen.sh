# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A guest that is moved to another host: it neither runs nor hears, sees no link go down, and wakes up
# where it was.  Its kernel is awake here all the while, so nothing may pass its ports.  Its lease has
# run out, which is soft; but nobody has asked since, so the data plane knows that it slept, and answers
# nobody until it has heard the other one's advert, which is said each 100 ms.
id=R5
title="the active node is frozen whole for 2 s, links and processes, and goes on"
touches="all"
first=1
hold_ms=1700
dark_ms=320 connect_ms=360
two_ms=0

everybody() {
	local pids
	pids=$(ip netns pids "lb$2")
	# shellcheck disable=SC2086 # a list of PIDs, all inside this node's namespace
	kill "$1" $pids
}
inject() {
	everybody -STOP "$1"
	lan_cut "$1"
	channel_cut
}
effect() { has_role "$2" active; }
# The kernel first, as in a guest; before the processes have anything to read.
heal() {
	lan_heal
	everybody -CONT "$1"
	channel_heal
}
check() {
	local leaders
	leaders=$(field 1 vrrp.role; field 2 vrrp.role)
	[[ $(grep -c '^active$' <<<"$leaders") == 1 ]] || fail "not one owner: ${leaders//$'\n'/, }"
}
