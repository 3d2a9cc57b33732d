# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The one case that no fence covers: two lead until it heals, and then one within three adverts.
id=N8
title="LAN and channel are cut between the nodes, and clients reach both"
touches="all"
cuts="lan channel"
first=1
hold_ms=2000
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
	lan_heal
	mark_fault healed
	await_role 2 standby
	channel_heal
	mark_fault whole
}
