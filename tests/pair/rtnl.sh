#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Somebody keeps the kernel's lock of network devices, as a driver does that resets its card: whoever
# asks the kernel about a neighbour waits meanwhile.  No advert waits with it, so that the role stays.

. "${0%/*}/../lib/drill.sh"
LAB_SPACES+=(holder other)
lab_enter "$@"

# The kernel moves a group of interfaces in one step, and sleeps many times in it.
DEVICES=180 HELD_MS=2500

many_devices() {
	local i
	for ((i = 0; i < DEVICES; i++)); do
		echo "link add v$i group 7 type veth peer name w$i"
	done >"$LAB/links"
	on holder ip -batch "$LAB/links" || fail "no interfaces"
}
wait_for_lock() {
	local begun
	begun=$(ms)
	on holder ip link set lo up
	echo $(($(ms) - begun))
}

drill_rtnl() {
	local longest=0 waited
	spawn move holder ip link set group 7 netns other
	until gone move; do
		waited=$(wait_for_lock)
		((waited <= longest)) || longest=$waited
	done
	say "the lock was kept for $longest ms"
	((longest >= HELD_MS)) || drill_wrong "that is too short to show anything"
	stays "$1"
}

pair_start
many_devices
drill rtnl 20
pause=$(judge adverts "lb$(active)-eth0")
say "longest pause between adverts $pause ms"
((${pause%.*} < 150)) || drill_wrong "adverts waited for a lock"
grep -q "has not answered a question of neighbours for 2 s" "$LAB/log/lb$(active)-vrrpd.log" ||
	drill_wrong "nothing is said of the lock"
drill_end
