# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# As for an upgrade: the standby first, then the role goes to it, then the other one.
id=U1
title="both nodes are stopped and started in turn, with a planned failover between"
touches="all"
hold_ms=500
dark_ms=20 connect_ms=100
moves=1

inject() {
	node_stop "$2"
	node_start "$2"
	LAB_POLL=0.1 wait_for 30 "lb$2 in sync" is_standby "$2"
	LAB_POLL=0.1 wait_for 20 "failover" pairctl "$1" failover
	wait_for 10 "lb$2 to lead" has_role "$2" active
	node_stop "$1"
}
effect() { has_role "$2" active; }
heal() { node_start "$1"; }
