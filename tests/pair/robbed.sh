#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Somebody else deletes the floating addresses: they are put back at once; when it does not end, the
# role goes to the peer, and a node without one keeps putting them back.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

holds() { ip -n "lb$1" -o addr show to "$2" | grep -q .; }
rob() { on "lb$1" ip addr del "$2/32" dev "$3"; }
reason() { field "$1" vrrp.reason; }
robbed() { [[ $(reason 1) == *"keeps deleting"* ]]; }

pair_start
chat_start load 7000 20 10.20.0.120 20
for _ in 1 2 3 4 5; do
	rob 1 "$LAB_VIP" eth0
	wait_for 1 "the VIP to be put back" holds 1 "$LAB_VIP"
	rob 1 "$LAB_GATEWAY" eth1
	wait_for 1 "the gateway to be put back" holds 1 "$LAB_GATEWAY"
done
[[ $(field 1 vrrp.put_back) == 10 ]] || fail "$(field 1 vrrp.put_back) were put back, not 10"
pair_is 1 2 || fail "ten deletions have moved the role"

for ((i = 0; i < 40; i++)); do
	rob 1 "$LAB_VIP" eth0 2>/dev/null
	has_role 2 active && break
done
pair_lb2() { has_role 2 active; }
wait_for 3 "lb2 to lead when they do not end" pair_lb2
robbed || fail "lb1 does not say why: $(reason 1)"
holds 1 "$LAB_VIP" && fail "both hold the VIP"

# Nobody else is there: better one that is robbed than none.
node_stop 2
wait_for 5 "lb1 to lead alone" has_role 1 active
for _ in 1 2 3; do
	rob 1 "$LAB_VIP" eth0
	wait_for 3 "the VIP to be put back" holds 1 "$LAB_VIP"
done
has_role 1 active || fail "lb1 gave up although it is alone"
chat_stop load
say "deleted $(field 1 vrrp.put_back) times: put back, then lb2 led, then lb1 alone; 20 sessions lived on"
