# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# One of the six, by the dice; it is started again at once, and both nodes must agree in the end.
id=C1B
title="a daemon of either node is killed in the middle of a push"
touches="all"
hold_ms=500
dark_ms=20 connect_ms=100

inject() {
	local node=$((RANDOM % 2 + 1)) daemons=(lbd syncd vrrpd) daemon
	daemon=${daemons[RANDOM % 3]}
	sed "s/member m1 {/member m1 { weight $((RANDOM % 90 + 5));/" "$LAB/pair.conf" >"$LAB/new.conf"
	pairctl "$1" push "$LAB/new.conf" --no-confirm &
	work $((RANDOM % 120))
	daemon_kill "$node" "$daemon"
	wait $! || echo "the push ended with $?"
	daemon_start "$node" "$daemon" && await_daemon "$node" "$daemon"
}
check() { config_back "$1"; }
