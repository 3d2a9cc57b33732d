# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# As after a mistake with the keys: it says so and does not run, and nobody takes it for the peer.
id=S10
title="syncd of the standby is started with another key"
touches="daemons channel"
cuts="channel"
hold_ms=500
dark_ms=5 connect_ms=100
stays=1
alarm="problem: no standby is in sync"

inject() {
	daemon_kill "$2" syncd
	mv "$LAB/lb$2/node.key" "$LAB/lb$2/right.key"
	"$LAB_BUILD/pairctl" keygen "lb$2" --key "$LAB/lb$2/node.key"
	daemon_start "$2" syncd
}
effect() { gone "lb$2-syncd"; }
heal() {
	mv "$LAB/lb$2/right.key" "$LAB/lb$2/node.key"
	daemon_start "$2" syncd && await_daemon "$2" syncd
}
