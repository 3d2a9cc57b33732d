# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=N14
title="the cable between the nodes carries only 576 bytes"
touches="channel"
hold_ms=3000
dark_ms=5 connect_ms=100
stays=1

inject() {
	ip -n lb1 link set eth2 mtu 576
	ip -n lb2 link set eth2 mtu 576
}
heal() {
	ip -n lb1 link set eth2 mtu 1500
	ip -n lb2 link set eth2 mtu 1500
}
