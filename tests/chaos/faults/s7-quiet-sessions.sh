# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Sessions may be silent for 8 s here, and say a word each 2 s: as one that may be for two hours and
# speaks each half.  After that time and a half the active node dies.
id=S7
title="sessions that seldom speak, and the active node loses its power"
touches="all"
hold_ms=2000
dark_ms=320 connect_ms=360
heal_s=20

prepare() {
	sed 's/idle-timeout 24h/idle-timeout 8s/' "$LAB/pair.conf" >"$LAB/new.conf"
	LAB_POLL=0.2 wait_for 20 "the push" pairctl "$1" push "$LAB/new.conf" --no-confirm
	LAB_POLL=0.1 wait_for 20 "one revision" one_revision
}
inject() {
	client_joins quiet 7000 60 2000
	work 12000
	node_power_off "$1"
}
effect() { has_role "$2" active; }
# Their age goes on where it was, so it takes another while to see who was forgotten.
heal() {
	node_power_on "$1"
	work 10000
}
check() { config_back "$1"; }
