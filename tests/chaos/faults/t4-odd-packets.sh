# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# All in the name of clients that talk, far left of any window: each kind is counted where it is
# dropped, what is forwarded does no harm, and the errors of ICMP reach the right member.
id=T4
title="fragments, options, wrong checksums and lengths, TTL 1 and ICMP errors inside of sessions"
touches="daemons node lan members"
hold_ms=500
dark_ms=5 connect_ms=100
stays=1

ROUNDS=10

counter() { pairctl "$1" -j status | "$LAB_TOP/tests/lib/counter.py" "$2"; }
counters() {
	local name
	for name in drop_fragment drop_ttl drop_malformed icmp_in; do
		echo "$name $(counter "$1" "$name")"
	done
}
# The sessions of the whole run at the first of its ports.
talking() {
	pairctl "$1" -j sessions | /usr/bin/python3 -c '
import json, sys
for s in json.load(sys.stdin)["sessions"]:
    if s.get("state") == "established" and s["service"] == "chat" and s.get("idle_ms", 0) < 1000:
        print(s["client"])' | head -n "$SESSIONS"
}

inject() {
	talking "$1" >"$LAB/talking"
	[[ -s $LAB/talking ]] || fail "nobody talks"
	counters "$1" >"$LAB/counters"
	on client "$LAB_TOP/tests/lib/oddities.py" eth0 "$(mac_of "lb$1" eth0)" "$LAB_VIP" 7000 \
		"$ROUNDS" 4000 <"$LAB/talking"
}
heal() {
	local name before now least
	least=$((ROUNDS * $(wc -l <"$LAB/talking")))
	while read -r name before && read -r _ now <&3; do
		echo "$name: $before -> $now"
		((now - before >= least)) || fail "$name rose by $((now - before)), not by $least"
	done <"$LAB/counters" 3< <(counters "$1")
}
