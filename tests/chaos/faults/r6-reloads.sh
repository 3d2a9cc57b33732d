# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=R6
title="all daemons reload fifty times"
touches="config daemons"
hold_ms=100
dark_ms=5 connect_ms=100
stays=1

inject() {
	local i daemon node
	for ((i = 0; i < 50; i++)); do
		for node in 1 2; do
			for daemon in lbd syncd vrrpd; do
				signal -HUP "lb$node-$daemon"
			done
		done
		work 100
	done
}
