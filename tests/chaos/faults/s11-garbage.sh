# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A thousand connections a second from the peer's address and from 20 others on the cable: noise, half
# openings, lengths that are too great, openings of the peer that were heard, and silence for ever.
# What it costs is pair/garbage.sh's to judge.
id=S11
title="1,000 connections a second to the channel's port that are none of the peer's"
touches="daemons channel"
hold_ms=4000
dark_ms=5 connect_ms=100
stays=1

refused() {
	pairctl 1 -j status |
		grep -oE '"name":"(bad-[a-z]+|half-open-limit|not-admitted|slow)","value":[0-9]+' |
		sed 's/.*://' | awk '{ sum += $1 } END { print sum + 0 }'
}
syncd_kib() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(pid_of lb1-syncd)/status"; }
# The opening that is said again is heard when the peer comes back.
prepare() {
	local last strangers=()
	for last in {100..119}; do
		ip -n lb2 addr replace "192.168.77.$last/24" dev eth2
		strangers+=("192.168.77.$last")
	done
	rm -f "$LAB/init"
	spawn garbage lb2 python3 "$LAB_TOP/tests/lib/garbage.py" "$LAB/init" 7790 192.168.77.1 \
		192.168.77.2 90 1000 eth2 "${strangers[@]}"
	work 500
	channel_cut
	wait_for 10 "the channel to go down" channel_is_down 1
	channel_heal
	wait_for 20 "an opening of the peer" test -s "$LAB/init"
	await_settled
}
inject() { echo "$(refused) $(syncd_kib)" >"$LAB/s11-before"; }
effect() {
	local before rest
	read -r before rest <"$LAB/s11-before"
	(($(refused) > before + 100))
}
heal() {
	signal -TERM garbage
	wait_for 5 "the garbage to end" gone garbage
}
check() {
	local before memory last
	read -r before memory <"$LAB/s11-before"
	(($(syncd_kib) - memory < 4096)) || fail "syncd grew from $memory to $(syncd_kib) KiB"
	for last in {100..119}; do
		ip -n lb2 addr del "192.168.77.$last/24" dev eth2
	done
}
