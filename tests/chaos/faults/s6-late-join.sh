# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# 300 quiet sessions are there before the standby: it must know them all, and prove it by leading.
id=S6
title="the standby joins after 300 quiet sessions were opened"
touches="all"
hold_ms=300 quick_ms=100
dark_ms=20 connect_ms=100

prepare() { node_power_off "$2"; }
inject() { client_joins quiet 7000 300 2000; }
heal() { node_power_on "$2"; }
check() {
	pairctl "$1" failover
	wait_for 10 "the standby to lead" has_role "$2" active
	work 2200 # each of them speaks once
}
