#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the pair can tell of its clients: which of their networks is far away, and who is silent.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

# figures REPORT EXPRESSION...: of `pairctl -j report`, a line; $status is its exit status.
figures() {
	local report=$1
	shift
	pairctl 1 -j report "$report" >"$LAB/report" 2>&1
	status=$?
	python3 - "$LAB/report" "$@" <<-'END' >"$LAB/got" || fail "report $report: $(<"$LAB/report")"
		import json, sys
		answer = json.load(open(sys.argv[1]))['answer']
		print(*(eval(one, {'answer': answer}) for one in sys.argv[2:]))
	END
}
expect() { [[ "$(<"$LAB/got") $status" == "$1" ]] || fail "$2: $(<"$LAB/got") $status, not $1: $(<"$LAB/report")"; }

lab_wires
lab_members samba
lab_config
sed -i 's,check tcp { port [0-9]*;,check rpc-epm { interface 12345778-1234-abcd-ef00-0123456789ac/1.0;,' "$LAB/pair.conf"
"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
	{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
for i in 1 2; do pp ip -n "lb$i" route add 10.20.9.0/24 dev eth0; done
node_start 1
LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active

# --- latency ----------------------------------------------------------------------------------

# Connections that say nothing until the end of the test.
spawn silent client python3 -c '
import socket, sys, time
all = [socket.create_connection((sys.argv[1], 7000), 5, (f"10.20.0.14{i}", 0)) for i in range(3)]
time.sleep(600)' "$LAB_VIP"
# A branch office behind a slow line: its kernel is not asked, so it may take its time.
chat_start near 7000 5 10.20.0.120 5
mac=$(ip -n client neigh show "$LAB_VIP" | sed -n 's,.*lladdr \([^ ]*\).*,\1,p')
on client "$LAB_TOP/tests/lib/faraway.py" eth0 "$mac" 10.20.9.100 "$LAB_VIP" 7000 5 250 ||
	fail "no connections from far away"
chat_stop near
members_answer() {
	figures latency 'sum("bind" in one for one in answer["member"])'
	[[ $(<"$LAB/got") == 3 ]]
}
LAB_POLL=0.2 wait_for 20 "RPC checks of all members" members_answer
# Of a SYN-ACK that was sent twice nothing is known: not all of them need be there.
figures latency '[(n["net"], n["slow"] == n["handshakes"]) for n in answer["net"][:1]]' \
	'len(answer["net"])' 'answer["net"][0]["max_us"] >= 250000'
expect "[('10.20.9.0/24', True)] 2 True 1" "two networks"

# --- keep-alives ------------------------------------------------------------------------------

silent_for() {
	figures keepalive 'min([one["idle_ms"] for one in answer["idle_client"]][2:3], default=0)'
	(($(<"$LAB/got") >= $1))
}
LAB_POLL=0.2 wait_for 20 "all three to be silent for 3 s" silent_for 3000
figures keepalive '[(one["service"], one["sessions"], one["near"]) for one in answer["idle"]]' \
	'sorted(one["client"] for one in answer["idle_client"])'
expect "[('chat', 3, 0)] ['10.20.0.140', '10.20.0.141', '10.20.0.142'] 0" "three silent clients"
say "a network 250 ms away is told from one that is near; the RPC services of 3 members are clocked"
say "three clients that say nothing are found"
