#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Mode dsr: members have the VIP on their loopback and answer clients by a link of their own.
# Sessions outlive a planned failover and the death of a node.  I1.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

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
knows() { (($(field "$1" lbd.flows) >= $2)); }

lab_wires
lab_members
lab_config
direct_answers
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
chat_stop first
chat_stop second
chat_stop third
say "180 sessions that members answer past the pair outlived a planned failover and a death"
