# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# syncd may take no more memory than it has, while ten times as much comes its way.
id=P12
title="syncd of the active node gets no more memory"
touches="daemons channel"
hold_ms=4000
dark_ms=5 connect_ms=100
stays=1

inject() {
	local pid kib
	pid=$(pid_of "lb$1-syncd")
	kib=$(awk '/^VmSize/ { print $2 }' "/proc/$pid/status")
	prlimit --pid "$pid" --as=$((kib * 1024)): || fail "no limit can be set"
	spawn more client "$LAB_BUILD/tests/fresh" burst "$LAB_VIP" 7000 "$FRESH_FROM" \
		"$FRESH_SOURCES" 1000
}
heal() {
	signal -TERM more
	wait_for 30 "the burst to end" gone more
	if lives "lb$1-syncd"; then
		prlimit --pid "$(pid_of "lb$1-syncd")" --as=unlimited:
	else
		daemon_start "$1" syncd && await_daemon "$1" syncd
	fi
}
