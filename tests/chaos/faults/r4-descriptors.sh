# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=R4
title="no daemon of the active node gets another descriptor"
touches="daemons"
hold_ms=2000
dark_ms=5 connect_ms=100
stays=1

limit_all() {
	local daemon pid
	for daemon in lbd vrrpd syncd; do
		pid=$(pid_of "lb$1-$daemon")
		prlimit --pid "$pid" --nofile="${2:-$(find "/proc/$pid/fd" -mindepth 1 | wc -l)}:" ||
			fail "no limit can be set"
	done
}
inject() { limit_all "$1"; }
heal() { limit_all "$1" 1024; }
