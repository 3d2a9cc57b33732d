#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What vrrpd goes by is changed under sessions, by pushes: number, version, pace, way, addresses and
# interface of the adverts, in force at once, also on a node that the push could not reach; and what
# waits for a restart of vrrpd, on one node after the other.  No echo is lost, no two answer.  I3.

. "${0%/*}/../lib/drill.sh"
. "${0%/*}/../lib/push.sh"
lab_enter "$@"

edit() { sed -i "$@" "$LAB/new.conf"; }
spoken() { field "$1" vrrp.vrid vrrp.advert_ms vrrp.source; }
# One way of adverts, which the standby hears.
one_way() {
	[[ -z $(field "$1" vrrp.former)$(field "$2" vrrp.former) && $(field "$2" vrrp.held) == false ]] &&
		(($(field "$2" vrrp.last_advert_age_ms) < 2000))
}
# live WHAT EDIT...: pushed, in force on both nodes, and nothing else happens.
live() {
	local what=$1
	shift
	edit "$@"
	current=$((current + 1))
	pushed "$current" --no-confirm
	LAB_POLL=0.05 wait_for 20 "adverts to go one way: $what" one_way 1 2
	say "  $what: $(spoken 1 | tr '\n' ' ')"
}
drill_live() {
	live "another number" -e 's/vrid 51/vrid 52/'
	[[ $(spoken 1) == "52 100 "* && $(spoken 2) == "52 100 "* ]] || drill_wrong "$(spoken 1), $(spoken 2)"
	live "unicast" -e 's/vrid 52/& ; unicast yes/'
	live "multicast, another number" -e 's/vrid 52 ; unicast yes/vrid 53/'
	live "version 2" -e 's/advert 100ms/version 2; advert 1s/'
	live "version 3" -e 's/version 2; advert 1s/advert 300ms/' # a machine may stand still for a while
	pp ip -n lb1 addr add 10.20.0.14/24 dev eth0
	live "another address" -e 's/address 10.20.0.11/address 10.20.0.14/'
	live "another interface" -e 's/interface eth0; track-interface eth1/interface eth1; track-interface eth0/' \
		-e 's/address 10.20.0.14/address 10.30.0.11/' -e 's/address 10.20.0.12/address 10.30.0.12/'
	[[ $(field 1 vrrp.forged)$(field 2 vrrp.forged) == 00 ]] ||
		drill_wrong "the peer was taken for a stranger"
	stays "$1"
}

# While the channel is cut the standby cannot follow, and must still hear who leads.
drill_cut() {
	local heard
	channel_cut
	wait_for 20 "the channel to be down" channel_is_down 1
	wait_for 20 "the channel to be down" channel_is_down 2
	edit 's/vrid 53/vrid 54/'
	push 1 --no-confirm --alone "the channel is cut"
	((status == 0)) || { cat "$LAB/log/push.log"; fail "push alone: exit $status"; }
	[[ $(field 1 vrrp.vrid) == 54 && $(field 2 vrrp.vrid) == 53 ]] || drill_wrong "both have vrid 54?"
	pairctl 1 status 2>&1 | grep -q 'note.*lb2 is not known to have followed: .*(version 3, vrid 53 on eth1)' ||
		drill_wrong "lb1 does not tell of it: $(pairctl 1 status 2>&1)"
	heard=$(field 2 vrrp.adverts_received)
	wait_for 20 "lb2 to hear adverts by the number before" hears_more "$heard"
	has_role 2 standby || drill_wrong "lb2 leads without having followed"
	channel_heal
	current=$((current + 1))
	LAB_POLL=0.1 wait_for 30 "lb2 to follow" both_on "$current"
	wait_for 30 "all daemons to follow" agree
	wait_for 20 "adverts to go one way" one_way 1 2
	[[ $(field 2 vrrp.vrid) == 54 ]] || drill_wrong "lb2 has not followed"
	stays "$1"
}
hears_more() { (($(field 2 vrrp.adverts_received) >= $1 + 10)); }

# What takes rights that a running vrrpd has given up.
waiting() {
	pairctl "$1" status 2>&1 |
		grep -q "note.*vrrpd of lb$1 runs with older settings: restart it there (vrrp / fence-command: nothing -> /bin/true)"
}
peer_waits() { pairctl "$1" status 2>&1 | grep -q "note.*vrrpd of lb$(other "$1") runs with older settings: restart it there$"; }
restart() {
	signal -TERM "lb$1-vrrpd"
	wait_for 10 "vrrpd of lb$1 to leave" gone "lb$1-vrrpd"
	daemon_start "$1" vrrpd
	await_daemon "$1" vrrpd
	await_settled
	! waiting "$1" || drill_wrong "lb$1 waits after its restart"
}
# Not until the other node's vrrpd has seen its LAN.
hands_over() { pairctl "$1" failover >"$LAB/log/failover.log" 2>&1; }
drill_restarts() {
	edit 's/vrid 54/& ; fence-command \/bin\/true/'
	current=$((current + 1))
	pushed "$current" --no-confirm
	says "waits  *vrrp / fence-command: nothing -> /bin/true waits for a restart of vrrpd"
	waiting 1 && waiting 2 || drill_wrong "not both nodes wait"
	wait_for 10 "lb1 to tell of lb2" peer_waits 1
	wait_for 10 "lb2 to tell of lb1" peer_waits 2
	restart "$2"
	has_role "$1" active || drill_wrong "a restart of the standby's vrrpd has moved the role"
	waiting "$1" || drill_wrong "lb$1 does not wait any more"
	LAB_POLL=0.2 wait_for 20 "lb$1 to hand over" hands_over "$1"
	await_settled
	restart "$1"
	LAB_POLL=0.2 wait_for 20 "lb$2 to hand over" hands_over "$2"
	await_settled
}
nothing_wrong() { pairctl 1 status >"$LAB/log/status.log" 2>&1 && ! waiting 1 && ! peer_waits 1; }
lost_none() {
	[[ $("$LAB_TOP/tests/lib/field.py" lost <"$LAB/log/blackout.out") == 0 ]] || drill_wrong "$1: echoes were lost"
}

refused() { # refused STATUS WORD
	push 1 --no-confirm
	((status == $1)) || { cat "$LAB/log/push.log"; fail "exit $status, not $1"; }
	says "$2"
	cp "$LAB/good.conf" "$LAB/new.conf"
}

lab_wires
lab_members ""
lab_config
nodes_sign
pair_begin
cp "$LAB/pair.conf" "$LAB/new.conf"
current=1
chat_start load 7000 50 10.20.0.120 30
drill live any
lost_none live
drill cut any
lost_none cut
drill restarts any
lost_none restarts

cp "$LAB/new.conf" "$LAB/good.conf"
edit 's/pair lab/pair other/'
refused 4 "pair: lab -> other needs a restart of lbd, syncd and vrrpd"
edit 's/address 10.30.0.11/address 10.30.0.99/'
refused 1 "lb1: pair.conf:[0-9]*:[0-9]*: 10.30.0.99 is not on eth1 of this node: add it there first"
edit 's/address 10.30.0.12/address 10.30.0.99/'
refused 5 "lb2: .*10.30.0.99 is not on eth1 of this node"
wait_for 20 "nothing to be wrong" nothing_wrong
chat_stop load
say "50 sessions, $(chat_total load answers) answers; longest stall $(chat_total load longest_stall_ms) ms"
drill_end
