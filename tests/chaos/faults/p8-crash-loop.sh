# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P8
title="vrrpd of the active node dies again and again"
touches="daemons"
hold_ms=100
dark_ms=20 connect_ms=100
moves=1

inject() {
	local i
	for ((i = 0; i < 12; i++)); do
		daemon_kill "$1" vrrpd
		work 300
		daemon_start "$1" vrrpd
		await_daemon "$1" vrrpd
	done
}
effect() { has_role "$2" active; }
