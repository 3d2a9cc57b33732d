#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The pair forwards, keeps a client's services on one member, and both nodes know the same sessions;
# what is not for the VIP it leaves alone.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

# session -> member, as the clients saw it
members_of() {
	grep '"event":"session"' "$LAB/log/$1.out" |
		sed -E 's/.*"session":([0-9]+),"member":"([^"]*)".*/\1 \2/' | sort -n
}
known() {
	pairctl "$1" -j sessions | "$LAB_TOP/tests/lib/sessions.py" | grep -E " $LAB_VIP:700[01] "
}
knows_direct() {
	(($(pairctl "$1" -j sessions | "$LAB_TOP/tests/lib/sessions.py" | grep -c " 10.30.0.21:7000 ") == $2))
}
knows() { (($(known "$1" | wc -l) == $2)); }
rpc_open() { (($(grep -c '"event": "open"' "$LAB/log/rpc.out") == 6)) || gone rpc; }

LAB_SAMBA=samba pair_start
for space in "${LAB_MEMBERS[@]}"; do
	spawn "second-$space" "$space" "$LAB_BUILD/tests/chat" serve "$space" 7001
	wait_for 5 "second chat server" on "$space" sh -c 'ss -Hltn sport = 7001 | grep -q .'
done

# 40 clients, each on two services of one affinity group: I2.
chat_start first 7000 40 10.20.0.120 40
chat_start second 7001 40 10.20.0.120 40
spawn rpc client "$LAB_TOP/tests/lib/samr.py" "$LAB_VIP" "$LAB_CLIENTS" 6 2
wait_for 30 "6 RPC sessions" rpc_open
work 3000

# Here and there, on the same members.
wait_for 5 "lb1 to know 80 chat sessions" knows 1 80
wait_for 5 "lb2 to know 80 chat sessions" knows 2 80
known 1 >"$LAB/known1"
known 2 >"$LAB/known2"
diff "$LAB/known1" "$LAB/known2" >"$LAB/log/tables.diff" || fail "the nodes know different sessions"

# And lb2 knows the way back to each client, though it has never heard of one.
wait_for 12 "lb2 to resolve 40 clients" clients_known 2 40

# What pairctl says beforehand is what has happened, on both nodes.
for node in 1 2; do
	for client in 120 133 159; do
		member=$(sed -n "s/^10\.20\.0\.$client:[0-9]* $LAB_VIP:7000 //p" "$LAB/known1")
		pairctl "$node" where "10.20.0.$client" 7000 | grep -qw "$member" ||
			fail "where 10.20.0.$client 7000 on lb$node does not say $member"
	done
done

# Who speaks to a member itself, with the pair as a mere router, is left alone on both nodes.
on client ip route add 10.30.0.0/24 via "$LAB_VIP"
spawn direct client "$LAB_BUILD/tests/chat" hold 10.30.0.21 7000 4 10.20.0.162 2 75 5000
wait_for 10 "4 sessions with m1 itself to open" chat_open direct 4
wait_for 5 "lb2 to know the sessions with m1 itself" knows_direct 2 4
pairctl 1 failover >"$LAB/log/failover.log" 2>&1 || fail "failover: $(cat "$LAB/log/failover.log")"
pair_up 2 1
work 1000
chat_stop direct

chat_stop first
chat_stop second
signal -TERM rpc
wait_for 10 "RPC client to end" gone rpc
grep -E '"event": "(lost|moved)"' "$LAB/log/rpc.out" && fail "RPC sessions were lost or moved"
diff <(members_of first) <(members_of second) || fail "a client's two services are on two members"
used=$(members_of first | cut -d' ' -f2 | sort -u | wc -l)
((used == 3)) || fail "$used of 3 members were used"
(($(retransmits) == 0)) || fail "$(retransmits) segments were lost on a quiet wire"
say "86 sessions on 3 members, equal on both nodes; services of a client stay together;" \
	"4 past the VIP left alone, also by a takeover"
