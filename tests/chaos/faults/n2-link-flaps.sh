# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=N2
title="the active node's link to the clients flaps"
touches="lan node"
hold_ms=100
dark_ms=any
moves=2

inject() {
	local i
	for ((i = 0; i < 10; i++)); do
		ip -n switch link set "lb$1-eth0" down
		work $((50 + RANDOM % 450))
		ip -n switch link set "lb$1-eth0" up
		work $((50 + RANDOM % 450))
	done
}
effect() { has_role "$2" active; }
