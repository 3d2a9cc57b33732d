# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The one case that no fence covers: nothing passes between the nodes, everybody else reaches both.
# It heals first in the direction in which the winner cannot hear that there was a loser, and hosts
# have learned the loser, which spoke last.
id=N9
title="a split of LAN and channel heals in one direction first"
touches="lan channel daemons node"
cuts="lan channel"
first=1
hold_ms=1000 quick_ms=300
dark_ms=20 connect_ms=100
two_ms=any two_healed_ms=300

inject() {
	channel_cut
	wait_for 5 "lb1 to miss the channel" channel_is_down 1
	wait_for 5 "lb2 to miss the channel" channel_is_down 2
	lan_between
}
effect() { has_role 2 active; }
heal() {
	lan_way 2 1
	await_role 2 standby
	work 1500
	lan_heal
	work 500
	channel_heal
	mark_fault whole
}
