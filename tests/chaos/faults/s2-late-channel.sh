# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# On the cable a frame takes 20 ms, 10 more or less, so that many overtake others; one in 20 takes no
# time, one in 50 comes twice.  At the end the active node dies.
id=S2
title="a channel that is late, out of order and doubles, and then the active node dies"
touches="daemons node lan channel"
hold_ms=4000
dark_ms=320 connect_ms=360
heal_s=20

inject() { cable_bad late; }
effect() { [[ $(on "lb$1" ping -c 3 -i 0.2 -q "192.168.77.$2") =~ rtt.*=\ [0-9.]+/([0-9]+) ]] && ((BASH_REMATCH[1] >= 20)); }
heal() {
	node_power_off "$1"
	await_role "$2" active
	cable_good
	node_power_on "$1"
}
