#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Addresses that somebody else removes are put back at once and move no role; what a killed vrrpd
# left behind is silent, and removed when it starts again.

. "${0%/*}/../lib/drill.sh"
lab_enter "$@"

holds() { ip -n "lb$1" -o addr show to "$2" | grep -q .; }
lacks() { ! holds "$@"; }

drill_deleted() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		pp ip -n "lb$1" addr del "$LAB_VIP/32" dev eth0
		wait_for 2 "the VIP to be back" holds "$1" "$LAB_VIP"
	done
	pp ip -n "lb$1" addr del "$LAB_GATEWAY/32" dev eth1
	wait_for 2 "the gateway to be back" holds "$1" "$LAB_GATEWAY"
	stays "$1"
}

drill_leftovers() {
	daemon_kill "$1" vrrpd
	await_role "$2" active
	holds "$1" "$LAB_VIP" || drill_wrong "a killed vrrpd cannot have removed the VIP"
	pp ip -n "lb$1" addr add 10.20.0.98/32 dev eth0
	daemon_start "$1" vrrpd
	wait_for 5 "the VIP to be removed" lacks "$1" "$LAB_VIP"
	wait_for 5 "the gateway to be removed" lacks "$1" "$LAB_GATEWAY"
	grep -q "removed 2 addresses that an earlier run had left" "$LAB/log/lb$1-vrrpd.log" ||
		drill_wrong "the log does not tell of leftovers"
	await_daemon "$1" vrrpd
	holds "$1" 10.20.0.98 || drill_wrong "somebody else's address was removed"
	pp ip -n "lb$1" addr del 10.20.0.98/32 dev eth0
	await_role "$1" standby
}

pair_start
drill deleted 5
drill leftovers 20
drill_end
