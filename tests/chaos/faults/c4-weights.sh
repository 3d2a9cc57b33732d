# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Others are chosen for who comes now; who is there stays where it is.
id=C4
title="weights are changed by a push, under load"
touches="config"
hold_ms=1000
dark_ms=5 connect_ms=100
stays=1

inject() {
	sed 's/member m2 {/member m2 { weight 1;/; s/member m3 {/member m3 { weight 90;/' \
		"$LAB/pair.conf" >"$LAB/new.conf"
	LAB_POLL=0.2 wait_for 20 "the push" pairctl "$1" push "$LAB/new.conf" --no-confirm
}
check() { config_back "$1"; }
