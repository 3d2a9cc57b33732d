# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What was missed stands in the log: nobody sends whole tables for that.
id=S4
title="the channel is cut for 3 s; it resumes without a snapshot"
touches="channel"
cuts="channel"
hold_ms=3000
dark_ms=5 connect_ms=100
stays=1
alarm="problem: the channel to .* is down"

inject() {
	echo "$1 $(field "$1" sync.snapshots vrrp.epoch sync.state)" >"$LAB/snapshots"
	channel_cut
}
effect() { channel_is_down "$1"; }
heal() { channel_heal; }
check() {
	local led before epoch state now
	read -r led before epoch state <"$LAB/snapshots"
	# Another fault has moved the role, and who follows counts anew; or it kept the peer from
	# following before.
	[[ $led == "$1" && $epoch == "$(field "$1" vrrp.epoch)" && $state == in-sync ]] || return 0
	now=$(field "$1" sync.snapshots)
	((now == before)) || fail "$now snapshots, $before before"
}
