#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Mode snat: members whose default route is not the pair answer to its pool.  Sessions outlive a
# planned failover and the death of a node, and new ones of the follower meet none of them.  I1.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

mode_snat() {
	local member
	sed -i 's/^    gateway .*/    mode snat; snat-pool 10.30.0.200-10.30.0.201/' "$LAB/pair.conf"
	for member in "${LAB_MEMBERS[@]}"; do
		pp ip -n "$member" route del default
	done
}

# Whom the members see: each address once.
seen() {
	local member
	for member in "${LAB_MEMBERS[@]}"; do
		on "$member" ss -Htn state established sport = :7000 dst 10.20.0.0/24
	done
}
knows() { (($(field "$1" lbd.flows) >= $2)); }

lab_wires
lab_members
lab_config
mode_snat
pair_begin
chat_start first 7000 60 10.20.0.120 30
wait_for 20 "lb2 to know 60 sessions" knows 2 60
pairctl 1 failover >"$LAB/log/failover.log" 2>&1 || fail "failover: $(cat "$LAB/log/failover.log")"
pair_up 2 1
chat_start second 7000 60 10.20.0.120 30
wait_for 20 "lb1 to know 120 sessions" knows 1 120
node_power_off 2
wait_for 20 "lb1 active" has_role 1 active
chat_start third 7000 60 10.20.0.120 30
work 1000
[[ -z $(seen) ]] || fail "a member sees a client: $(seen)"
chat_stop first
chat_stop second
chat_stop third
say "180 sessions over a pool of two addresses outlived a planned failover and a death"
