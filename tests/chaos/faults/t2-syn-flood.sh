# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Of clients that do not exist nothing may be left that others need: no pin, whatever happens meanwhile.
id=T2
title="75,000 spoofed SYNs, 25,000 a second"
touches=""
hold_ms=3000
dark_ms=20
stays=1
kind=syn

# In vain while lbd is away.
pins_noted() { field "$(active)" lbd.pins | grep -E '^[0-9]+$' >"$LAB/t2-$1"; }
inject() {
	local node
	wait_for 10 "the number of pins" pins_noted before
	for node in 1 2; do
		ip -n "lb$node" route replace 100.64.0.0/10 via "$LAB_CLIENTS"
	done
	on client nice -n 19 "$LAB_BUILD/tests/flood" "$kind" eth0 "$(mac_of "lb$1" eth0)" 7000 75000 \
		25000 "$LAB_VIP"
}
check() {
	local more
	wait_for 10 "the number of pins" pins_noted after
	more=$(($(<"$LAB/t2-after") - $(<"$LAB/t2-before")))
	((more < 2000)) || fail "$more pins more than before the flood"
}
