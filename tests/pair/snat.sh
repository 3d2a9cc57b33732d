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

lab_wires
lab_members
lab_config
mode_snat
pair_begin
sessions_outlive_both
[[ -z $(seen) ]] || fail "a member sees a client: $(seen)"
sessions_stop
say "180 sessions over a pool of two addresses outlived a planned failover and a death"
