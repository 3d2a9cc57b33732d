# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Who asks is refused at once, and no node thinks that the other could do better.
id=B4
title="the servers of all members die, and come back"
touches="all"
hold_ms=3000
dark_ms=5
lost=any
moves=0
alarm="problem: .* has no member up"

inject() {
	local space
	for space in "${LAB_MEMBERS[@]}"; do
		signal -KILL "chat-$space"
		signal -KILL "bulk-$space"
	done
}
heal() {
	local space
	for space in "${LAB_MEMBERS[@]}"; do
		spawn "chat-$space" "$space" "$LAB_BUILD/tests/chat" serve "$space" 7000
		spawn "bulk-$space" "$space" "$LAB_BUILD/tests/chat" serve "$space" 7001
	done
}
check() { LAB_POLL=0.1 wait_for 20 "members to be up again" members_are_up; }
members_are_up() { ! pairctl "$(active)" status | grep -q 'has no member up'; }
