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

pins() { field "$(active)" lbd.pins; }
inject() {
	local node
	pins >"$LAB/t2-pins"
	for node in 1 2; do
		ip -n "lb$node" route replace 100.64.0.0/10 via "$LAB_CLIENTS"
	done
	on client nice -n 19 "$LAB_BUILD/tests/flood" "$kind" eth0 "$(mac_of "lb$1" eth0)" 7000 75000 \
		25000 "$LAB_VIP"
}
check() {
	local more
	more=$(pins)
	[[ -n $more && -s $LAB/t2-pins ]] || fail "nobody says how many pins there are"
	more=$((more - $(<"$LAB/t2-pins")))
	((more < 2000)) || fail "$more pins more than before the flood"
}
