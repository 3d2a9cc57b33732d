# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The active node's counts, and the other one is told so.
id=C5
title="both nodes are pushed to at once"
touches="config"
hold_ms=200
dark_ms=5 connect_ms=100
stays=1

inject() {
	local one=0 other=0
	sed 's/member m1 {/member m1 { weight 31;/' "$LAB/pair.conf" >"$LAB/new.conf"
	sed 's/member m1 {/member m1 { weight 32;/' "$LAB/pair.conf" >"$LAB/second.conf"
	pairctl "$2" push "$LAB/second.conf" --no-confirm >"$LAB/log/second.log" 2>&1 &
	pairctl "$1" push "$LAB/new.conf" --no-confirm || one=$?
	wait $! || other=$?
	((one == 0)) || fail "the active node's push ended with $one"
	((other == 4)) || fail "the standby's push ended with $other: $(<"$LAB/log/second.log")"
}
check() { config_back "$1"; }
