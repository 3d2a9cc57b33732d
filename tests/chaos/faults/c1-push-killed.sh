# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Both nodes must end on one whole revision, whichever, and the next push must work.
id=C1
title="pairctl is killed in the middle of a push"
touches="config"
hold_ms=500 quick_ms=100
dark_ms=20 connect_ms=100
stays=1

weigh() { sed "s/member m1 {/member m1 { weight $1;/" "$LAB/pair.conf" >"$LAB/new.conf"; }
inject() {
	weigh $((RANDOM % 90 + 5))
	pairctl "$1" push "$LAB/new.conf" --no-confirm &
	work $((RANDOM % 120))
	kill -9 $! 2>/dev/null || echo "it was done before"
}
check() { config_back "$1"; }
