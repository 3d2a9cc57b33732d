# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=T2B
title="75,000 spoofed segments in mid-stream, 25,000 a second"
touches=""
hold_ms=3000
dark_ms=20
stays=1
kind=ack

inject() {
	local node
	for node in 1 2; do
		ip -n "lb$node" route replace 100.64.0.0/10 via "$LAB_CLIENTS"
	done
	on client nice -n 19 "$LAB_BUILD/tests/flood" "$kind" eth0 "$(mac_of "lb$1" eth0)" 7000 75000 \
		25000 "$LAB_VIP"
}
