# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Each time a little shorter than its checks need to be sure, and a little longer.
id=B3
title="a member's servers die and come back six times"
touches="members"
member=m3
hold_ms=500
dark_ms=5
lost=any
stays=1

inject() {
	local i
	for ((i = 0; i < 6; i++)); do
		signal -KILL chat-m3
		signal -KILL bulk-m3
		work $((300 + RANDOM % 900))
		spawn chat-m3 m3 "$LAB_BUILD/tests/chat" serve m3 7000
		spawn bulk-m3 m3 "$LAB_BUILD/tests/chat" serve m3 7001
		work $((300 + RANDOM % 900))
	done
}
