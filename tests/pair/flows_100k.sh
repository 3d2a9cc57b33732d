#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 100,000 flows in the table: a standby that joins is in sync within 2 s and holds the same, key by
# key; and when the active node dies, its live sessions wait no longer than with an empty table.
# I1, I4.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

FLOWS=${FLOWS:-100000} LIVE=50
ALL=$((FLOWS + LIVE))

holds() { [[ $(field "$1" lbd.flows) == "$2" ]]; }
known() { pairctl "$1" -j sessions | "$LAB_TOP/tests/lib/sessions.py" | LC_ALL=C sort; }

# Flows without sockets: the kernels of both sides must not see them.
deafen() {
	on "$1" nft -f - <<-END
		table ip deaf {
			chain input {
				type filter hook input priority 0;
				tcp $2 7001 drop
			}
		}
	END
}

fill() {
	local space
	deafen client sport
	for space in "${LAB_MEMBERS[@]}"; do
		deafen "$space" dport
		spawn "fill-$space" "$space" "$LAB_BUILD/tests/flowfill" answer 7001
	done
	on client "$LAB_BUILD/tests/flowfill" open "$LAB_VIP" 7001 "$FLOWS" "$LAB_CLIENTS" 64 \
		>"$LAB/log/fill.out" || fail "flows did not open: $(cat "$LAB/log/fill.out")"
}

# Milliseconds from the start of syncd until it was in sync, by its own clock.
joined_after() { field "$1" sync.up_ms sync.state_ms | { read -r up since; echo $((up - since)); }; }

pair_start $((FLOWS * 3 / 2))
chat_start live 7000 "$LIVE" 10.20.0.120 30
fill
wait_for 10 "lb1 to hold $ALL flows" holds 1 "$ALL"
wait_for 10 "lb2 to hold $ALL flows" holds 2 "$ALL"
say "filled: $(cat "$LAB/log/fill.out")"

node_power_off 2
node_power_on 2
LAB_POLL=0.1 wait_for 20 "lb2 in sync" is_standby 2
join=$(joined_after 2)
beat=$(field 1 sync.beat_max_ms)
known 1 >"$LAB/known1"
known 2 >"$LAB/known2"
(($(wc -l <"$LAB/known1") == ALL)) || fail "lb1 lists $(wc -l <"$LAB/known1") of $ALL sessions"
cmp -s "$LAB/known1" "$LAB/known2" ||
	fail "tables differ: $(diff "$LAB/known1" "$LAB/known2" | grep -c '^[<>]') lines"
say "joined: in sync after $join ms, $ALL sessions equal on both nodes"
say "heartbeats went there and back in $beat ms at most, the snapshot before them"

probe_start
work 1000
signal -USR1 live
node_power_off 1
LAB_POLL=0.1 wait_for 10 "lb2 to take over" has_role 2 active
work 3000
gap=$(probe_stop)
known 2 >"$LAB/known3"
left=$(LC_ALL=C comm -12 "$LAB/known1" "$LAB/known3" | wc -l)
((left == ALL)) || fail "lb2 holds $left of $ALL flows after taking over"
chat_stop live
stall=$(chat_total live longest_stall_ms)
say "taken over: path dark $gap ms, longest stall $stall ms, 0 of $LIVE live sessions lost"
# Three adverts and the skew, then at most the retransmission under way: 305 + 2 x 305.
((${stall%.*} <= 1000)) || fail "a live session waited $stall ms"
