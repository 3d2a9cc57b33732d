# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=B1
title="a member's servers die, and come back"
touches="members"
member=m3
hold_ms=2000
dark_ms=5
lost=any
stays=1

inject() {
	signal -KILL chat-m3
	signal -KILL bulk-m3
}
heal() {
	spawn chat-m3 m3 "$LAB_BUILD/tests/chat" serve m3 7000
	spawn bulk-m3 m3 "$LAB_BUILD/tests/chat" serve m3 7001
}
