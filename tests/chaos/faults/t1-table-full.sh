# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Status warns at 80 %, and in other words when it is full.  Whoever is in the table stays in it, and
# who comes is sent where the address says, without a record.
id=T1
title="the flow table is filled beyond its 20,000"
touches="all"
hold_ms=3000
dark_ms=20 connect_ms=100
stays=1
heal_s=90
alarm="problem: the flow table is (nearly )?full"

FILL_PORT=8000 FIRST_FILL=15000 MORE_FILL=8000

# Their segments come from no socket: the kernels of both sides must not see them.
deaf() {
	on "$1" nft -f - <<<"table ip full {
		chain input { type filter hook input priority 0; tcp $2 $FILL_PORT drop; }
	}" || fail "nft refuses"
}
# fill VERB COUNT SKIP
fill() {
	on client nice -n 19 "$LAB_BUILD/tests/flowfill" "$1" "$LAB_VIP" "$FILL_PORT" "$2" \
		"$LAB_CLIENTS" 64 2500 "$3" || fail "flowfill cannot $1"
}
is_full() {
	local flows room
	read -r flows room < <(field "$1" lbd.flows lbd.flows_max)
	[[ -n $room ]] && ((flows >= room))
}
full_count() { pairctl "$1" -j status | "$LAB_TOP/tests/lib/counter.py" flows_full; }
# Sessions of the whole run, which are older than any of the fill, that have a record.
recorded() {
	pairctl "$1" -j sessions | /usr/bin/python3 -c '
import json, sys
print(sum(s.get("state") == "established" and s["service"] in ("chat", "bulk")
          for s in json.load(sys.stdin)["sessions"]))'
}

prepare() {
	local member
	deaf client sport
	for member in "${LAB_MEMBERS[@]}"; do
		deaf "$member" dport
		spawn "fill-$member" "$member" "$LAB_BUILD/tests/flowfill" answer "$FILL_PORT"
	done
	field "$1" lbd.flows >"$LAB/flows-before"
	fill open "$FIRST_FILL" 0
	await_settled
}
inject() {
	spawn fill client nice -n 19 "$LAB_BUILD/tests/flowfill" open "$LAB_VIP" "$FILL_PORT" \
		"$MORE_FILL" "$LAB_CLIENTS" 64 2500 "$FIRST_FILL"
}
effect() { is_full "$1" && (($(full_count "$1") > 0)); }
heal() {
	local member
	wait_for 60 "the fill to end" gone fill
	fill reset $((FIRST_FILL + MORE_FILL)) 0
	LAB_POLL=0.2 wait_for 80 "room in the table" has_room "$1"
	for member in "${LAB_MEMBERS[@]}"; do
		signal -TERM "fill-$member"
		on "$member" nft delete table ip full
	done
	on client nft delete table ip full
}
# What other faults have left there stays.
has_room() { (($(field "$1" lbd.flows) < $(<"$LAB/flows-before") + 1000)); }
check() {
	local left
	left=$(recorded "$1")
	echo "$left sessions are recorded"
	((left >= SESSIONS + BULK)) || fail "only $left sessions of $((SESSIONS + BULK)) are recorded"
}
