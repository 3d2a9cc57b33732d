# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# They follow each other: the active node's counts, if at its second try, and the other one is told to
# ask there, unless it was done before.
id=C5
title="both nodes are pushed to at once"
touches="config"
hold_ms=200
dark_ms=5 connect_ms=100
stays=1

# some_fault WORD LIST: one of this episode has that word in that list of what it declares.
some_fault() { grep -q "\"event\":\"fault\".*\"$2\":\"[^\"]*$1" "$LAB/log/history.out"; }
channel_was_cut() { some_fault channel cuts; }
# The standby's may have been away, or the active node's may have had no descriptor for it.
daemons_were_touched() { some_fault daemons touches; }

inject() {
	local other=0
	sed 's/member m1 {/member m1 { weight 31;/' "$LAB/pair.conf" >"$LAB/new.conf"
	sed 's/member m1 {/member m1 { weight 32;/' "$LAB/pair.conf" >"$LAB/second.conf"
	pairctl "$2" push "$LAB/second.conf" --no-confirm >"$LAB/log/second.log" 2>&1 &
	LAB_POLL=0.1 wait_for 20 "the active node's push" pairctl "$1" push "$LAB/new.conf" --no-confirm
	wait $! || other=$?
	((other == 5)) && channel_was_cut && return # by another fault; it says so
	((other == 3 || other == 5)) && daemons_were_touched && return
	((other == 4 || other == 0)) || fail "the standby's push ended with $other: $(<"$LAB/log/second.log")"
}
check() { config_back "$1"; }
