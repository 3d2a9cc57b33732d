#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The meters themselves, without the pair: a plain NAT router stands in for it and does what the pair
# must never do.  Clients that could not see it would prove nothing.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

# turn_to MEMBER-ADDRESS [forget]: where new connections go; `forget` drops the known ones too.
turn_to() {
	on lb1 nft -f - <<-END
		flush ruleset
		table ip turn {
			chain pre {
				type nat hook prerouting priority -100;
				ip daddr $LAB_VIP tcp dport { 135, 6000-60000 } dnat to $1
			}
		}
	END
}

count() { grep -cE "\"event\": ?\"$2\"" "$LAB/log/$1.out"; }
counted() { (($(count "$1" "$2") >= $3)); }

lab_wires
lab_members samba
pp ip -n lb1 addr add "$LAB_VIP/32" dev eth0
pp ip -n lb1 addr add "$LAB_GATEWAY/32" dev eth1
turn_to 10.30.0.22

spawn chat client "$LAB_BUILD/tests/chat" hold "$LAB_VIP" 7000 10 10.20.0.120 10 50 5000
spawn rpc client "$LAB_TOP/tests/lib/samr.py" "$LAB_VIP" "$LAB_CLIENTS" 4 2
wait_for 20 "4 RPC sessions" counted rpc open 4
wait_for 5 "10 chat sessions" grep -q '"open":10' "$LAB/log/chat.out"

# Known connections stay, new ones go elsewhere: no chat session sees it, each RPC session must.
turn_to 10.30.0.21
wait_for 10 "RPC clients to find themselves on another member" counted rpc moved 4
(($(count chat lost) + $(count chat moved) == 0)) || fail "chat sessions were not left alone"

# A server that pauses is a stall of everybody, but no loss.
pp signal -STOP chat-m2
work 400
pp signal -CONT chat-m2
wait_for 5 "chat clients to see a stall" counted chat stall 10
(($(count chat lost) == 0)) || fail "a stall was taken for a loss"

pp signal -KILL chat-m2
wait_for 5 "chat clients to lose their sessions" counted chat lost 10
signal -TERM chat
wait_for 5 "chat to end" gone chat
grep -q '"event":"total","sessions":10,"open":0,"lost":10' "$LAB/log/chat.out" ||
	fail "chat does not count what it lost"

# A cut wire is a dark path for as long as it is cut.
turn_to 10.30.0.21
chat_start cut 7000 5 10.20.0.120 5
probe_start
(($(retransmits) == 0)) || fail "a quiet wire is said to have lost something"
work 300
pp ip -n switch link set lb1-eth0 down
work 300
pp ip -n switch link set lb1-eth0 up
work 500
gap=$(probe_stop)
((${gap%.*} >= 300 && ${gap%.*} < 500)) || fail "a cut of 300 ms was seen as $gap ms"
chat_stop cut
(($(retransmits) >= 5)) || fail "5 sessions on a cut wire lost $(retransmits) segments only"
say "10 stalled, 10 lost and 4 moved sessions were seen and counted"
