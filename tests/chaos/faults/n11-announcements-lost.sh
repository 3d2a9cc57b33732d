# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The first announcements of the new owner reach nobody: those that follow must do.
id=N11
title="the active node dies, and its successor's first announcements are lost"
touches="all"
hold_ms=500
dark_ms=1600
heal_s=20

inject() {
	bridge_rules "" "iifname lb$2-eth* ether type arp drop;"
	node_power_off "$1"
	wait_for 5 "lb$2 to lead" has_role "$2" active
	work 100
	lan_heal
}
heal() { node_power_on "$1"; }
