#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Mode dsr: members have the VIP on their loopback and answer clients by a link of their own.
# Sessions outlive a planned failover and the death of a node.  I1.  A member dies: each of its
# clients is reset at the array's pace, and is back elsewhere; a second one, after another takeover.
#
# FLOWS=5000 is the full size; only from 1000 on a second member dies.

. "${0%/*}/../lib/pair.sh"
. "${0%/*}/../lib/resets.sh"
lab_enter "$@"

FLOWS=${FLOWS:-200} OTHERS=50 OPENED=500 # one processor records 1,000 a second, and no more

# Answers leave by eth1; the VIP is nobody's there, as far as ARP goes.
direct_answers() {
	local i member
	for i in "${!LAB_MEMBERS[@]}"; do
		member=${LAB_MEMBERS[i]}
		port "$member" eth1 br-out
		on "$member" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 \
			net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
		pp ip -n "$member" addr add "10.20.0.$((21 + i))/24" dev eth1
		pp ip -n "$member" addr add "$LAB_VIP/32" dev lo
		pp ip -n "$member" route del default
	done
	sed -i 's/^    gateway .*/    mode dsr/' "$LAB/pair.conf"
}

lab_wires
lab_members
lab_config 40000
resets_config
direct_answers
pair_begin
sessions_outlive_both
sessions_stop
resets_serve 7001
members_die
say "180 sessions that members answer past the pair outlived a planned failover and a death"
