# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Each fifth frame between the nodes is lost, both ways; at the end the active node dies.
id=S1
title="a channel that loses 20 %, and then the active node dies"
touches="daemons node lan channel"
hold_ms=4000 quick_ms=1500
dark_ms=320 connect_ms=360
heal_s=20

inject() { cable_lossy; }
heal() {
	node_power_off "$1"
	await_role "$2" active
	cable_whole
	node_power_on "$1"
}
