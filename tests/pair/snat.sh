#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Mode snat: members whose default route is not the pair answer to its pool.  Sessions outlive a
# planned failover and the death of a node, and new ones of the follower meet none of them.  I1.  A
# member dies: each of its clients is reset at the array's pace, and is back elsewhere; a second one,
# after another takeover.
#
# FLOWS=5000 is the full size; only from 1000 on a second member dies.

. "${0%/*}/../lib/pair.sh"
. "${0%/*}/../lib/resets.sh"
lab_enter "$@"

FLOWS=${FLOWS:-200} OTHERS=50

mode_snat() {
	local member
	sed -i 's/^    gateway .*/    mode snat; snat-pool 10.30.0.200-10.30.0.201/' "$LAB/pair.conf"
	for member in "${LAB_MEMBERS[@]}"; do
		pp ip -n "$member" route del default
	done
}

# Whom the members see: each address once.
members_see() {
	local member
	for member in "${LAB_MEMBERS[@]}"; do
		on "$member" ss -Htn state established sport = :7000 dst 10.20.0.0/24
	done
}

lab_wires
lab_members
lab_config 40000
resets_config
mode_snat
pair_begin
sessions_outlive_both
[[ -z $(members_see) ]] || fail "a member sees a client: $(members_see)"
sessions_stop
resets_serve 7001
members_die
say "180 sessions over a pool of two addresses outlived a planned failover and a death"
