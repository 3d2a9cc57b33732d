#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What has gone through the pair, by member and by service, is counted on across everything: the peer
# knows it, a node that boots without its disk hears it, a restarted lbd and a pair that was off
# altogether have kept it.  No session is counted twice.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

# so_far NODE FIELD: of all members; nothing while one has none.
so_far() {
	pairctl "$1" -j members 2>/dev/null | python3 -c '
import json, sys
print(sum(int(member[sys.argv[1]]) for member in json.load(sys.stdin)["members"]))' "$2" 2>/dev/null
}
knows() { [[ $(so_far "$1" pair_connections) == "$2" && $(served "$1" chat connections) == "$2" ]]; }
pair_counter() {
	pairctl "$1" -j status 2>/dev/null | "$LAB_TOP/tests/lib/field.py" lbd.pair_counter |
		grep -oP "'$2', 'value': '?\K[0-9]+"
}

pair_start
chat_start first 7000 40 10.20.0.120 20
LAB_POLL=0.1 wait_for 30 "lb1 to have counted 40" knows 1 40
LAB_POLL=0.1 wait_for 60 "lb2 to have heard of 40" knows 2 40
bytes=$(so_far 2 pair_bytes_in)
((bytes > 0 && $(so_far 1 pair_bytes_in) >= bytes)) || fail "lb2 has heard of $bytes bytes"
[[ $(served 2 bulk connections) == 0 ]] || fail "bulk has $(served 2 bulk connections) connections"
(($(served 1 chat requests) >= 40)) || fail "chat has $(served 1 chat requests) requests of 40"
pairctl 1 services | grep -q '^lab/chat .* 40 ' || fail "services does not tell: $(pairctl 1 services)"
[[ $(pairctl 2 members) == *"connections so far"* ]] || fail "members does not tell: $(pairctl 2 members)"

node_power_off 1
wait_for 20 "lb2 active" has_role 2 active
chat_start second 7000 20 10.20.0.120 20
LAB_POLL=0.1 wait_for 30 "lb2 to have counted 20 more" knows 2 60
(($(so_far 2 pair_bytes_in) >= bytes)) || fail "lb2 has lost bytes: $(so_far 2 pair_bytes_in) of $bytes"

rm "$LAB/lb1/state/counts" || fail "lb1 had nothing on disk"
node_power_on 1
pair_up 2 1
LAB_POLL=0.1 wait_for 60 "lb1 to have heard of all 60" knows 1 60
daemon_kill 2 lbd
daemon_start 2 lbd
await_daemon 2 lbd
LAB_POLL=0.1 wait_for 60 "60 counted after a death of lbd" knows 2 60
[[ $(pair_counter 2 promoted) == 60 ]] || fail "the pair's own row has $(pair_counter 2 promoted)"
chat_stop first
chat_stop second

node_stop 1
node_stop 2
node_power_off 2
node_power_on 2
LAB_POLL=0.1 wait_for 60 "60 counted after the pair was off" knows 2 60
say "60 connections and $(so_far 2 pair_bytes_in) bytes, from the first to the last"
