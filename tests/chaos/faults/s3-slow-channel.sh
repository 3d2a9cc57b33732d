# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=S3
title="the channel carries 100 kbit/s, under 1,000 new connections a second"
touches="channel"
hold_ms=4000
dark_ms=5 connect_ms=100
stays=1
heal_s=30

inject() {
	cable_slow 100
	spawn more client "$LAB_BUILD/tests/fresh" burst "$LAB_VIP" 7000 "$FRESH_FROM" \
		"$FRESH_SOURCES" 1000
}
effect() { ! both_say_in_sync; }
heal() {
	signal -TERM more
	wait_for 30 "the burst to end" gone more
	cable_fast
}
# Who was at a member that another fault has killed is lost by nature.
check() {
	grep -q '"lost":0,' "$LAB/log/more.out" || grep -q '"member":"m' "$LAB/log/history.out" ||
		fail "$(tail -n 1 "$LAB/log/more.out")"
}
