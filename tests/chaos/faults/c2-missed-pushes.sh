# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# It must have the newest configuration before it calls itself in sync.
id=C2
title="the standby is away during three pushes"
touches="all"
hold_ms=200
dark_ms=5 connect_ms=100
stays=1
heal_s=30

push() { pairctl "$1" push "$LAB/new.conf" --no-confirm --alone "the standby is away"; }
inject() {
	local weight
	node_power_off "$2"
	for weight in 21 22 23; do
		sed "s/member m2 {/member m2 { weight $weight;/" "$LAB/pair.conf" >"$LAB/new.conf"
		LAB_POLL=0.2 wait_for 20 "a push alone" push "$1"
	done
}
heal() { node_power_on "$2"; }
check() { config_back "$1"; }
