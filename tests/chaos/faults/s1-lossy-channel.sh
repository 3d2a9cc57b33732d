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

lossy() {
	on "lb$1" nft -f - <<-END || fail "nft refuses"
		table inet lossy {
		    chain out { type filter hook output priority 0;
		        oifname eth2 numgen random mod 100 < 20 drop; }
		}
	END
}
inject() { lossy 1 && lossy 2; }
heal() {
	node_power_off "$1"
	await_role "$2" active
	on lb1 nft delete table inet lossy
	on lb2 nft delete table inet lossy
	node_power_on "$1"
}
