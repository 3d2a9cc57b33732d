# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The kernel may be a second late to tell that a link is gone again: for so long a node believes it has
# one and hears nobody there.
id=N2
title="the active node's link to the clients flaps"
touches="lan node"
cuts="lan"
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
