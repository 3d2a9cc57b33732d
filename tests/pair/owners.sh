#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Daemons killed and stopped, on the active node and on the standby, and a node that sleeps whole, with
# sessions open and a witness on the switch: at no time do two stations answer for an address, and no session is lost.
# STOP (2) seconds for a daemon that is stopped.  I3, I7.

. "${0%/*}/../lib/drill.sh"
LAB_V6=${LAB_V6-1}
lab_enter "$@"

stopped() {
	pp signal -STOP "lb$1-$2"
	sleep "${STOP:-2}"
	pp signal -CONT "lb$1-$2"
}
again() {
	daemon_start "$1" "$2"
	await_daemon "$1" "$2"
}

# New connections too must not notice: one each 2 ms, none may be repeated.
probing() {
	on client ping -q -c 1 -I 10.20.0.163 "10.20.0.1$1" >/dev/null
	on client ping -q -c 1 -I 10.20.0.163 "10.20.0.1$2" >/dev/null
	spawn probe client "$LAB_BUILD/tests/probe" "$LAB_VIP" 7000 10.20.0.163 2
	work 200
}
probed() {
	work 1000
	signal -TERM probe
	wait_for 5 "probe to end" gone probe
	[[ $(chat_total probe failed) == 0 ]] ||
		drill_wrong "connections opened and lost: $(chat_total probe opened failed)"
}
drill_kill_vrrpd() {
	probing "$@"
	daemon_kill "$1" vrrpd
	await_role "$2" active
	probed
	again "$1" vrrpd
}
drill_stop_vrrpd() {
	stopped "$1" vrrpd
	await_role "$1" standby
}
drill_term_vrrpd() {
	probing "$@"
	signal -TERM "lb$1-vrrpd"
	await_role "$2" active
	probed
	wait_for 5 "vrrpd to end" gone "lb$1-vrrpd"
	again "$1" vrrpd
}
# After 5 s of silence a well peer is the better one.
drill_stop_lbd() {
	stopped "$1" lbd
	((${STOP:-2} >= 5)) || stays "$1"
}
drill_stop_syncd() { stopped "$1" syncd && stays "$1"; }
drill_stop_peers_vrrpd() { stopped "$2" vrrpd && stays "$1"; }
drill_stop_peers_lbd() { stopped "$2" lbd && stays "$1"; }
drill_stop_peers_syncd() { stopped "$2" syncd && stays "$1"; }

# Whole, links and processes, like a guest that is moved.  The data plane is awake before vrrpd is, and
# finds out alone that it slept and who leads meanwhile; how fast adverts come is the machine's affair.
all_daemons() {
	local daemon
	for daemon in lbd syncd vrrpd; do
		signal "$1" "lb$2-$daemon"
	done
}
counts() { (($(counter "$1" "$2") == $3)); }
fall_asleep() {
	all_daemons -STOP "$1"
	lan_cut "$1"
	channel_cut
	await_role "$2" active
}
drill_sleep() {
	local listened fenced
	listened=$(counter "$1" listened) fenced=$(counter "$1" advert_fenced)
	fall_asleep "$@"
	work 500 # no pause that could be a busy moment
	lan_heal
	signal -CONT "lb$1-lbd"
	LAB_POLL=0.1 wait_for 10 "the data plane to hear who leads" \
		counts "$1" advert_fenced $((fenced + 1))
	counts "$1" listened $((listened + 1)) || drill_wrong "it has not listened before"
	all_daemons -CONT "$1"
	channel_heal
	await_role "$1" standby
}

# It sleeps through the moment, 5 s after it has begun to lead, at which hosts are told of that again,
# and wakes up before an advert of the other one is there.
drill_wake() {
	local since heard
	pairctl "$1" failover >"$LAB/log/failover.log" 2>&1 || fail "$(cat "$LAB/log/failover.log")"
	since=$(ms)
	set -- "$2" "$1"
	await_settled
	(($(ms) < since + 4500)) || fail "too late to sleep through the second round"
	fall_asleep "$@"
	work $((since + 5500 - $(ms)))
	heard=$(wc -l <"$LAB/log/witness.out")
	lan_deaf "$1"
	on "lb$1" nft delete table netdev drill
	all_daemons -CONT "$1"
	lan_heal
	channel_heal
	await_role "$1" standby
	! tail -n "+$((heard + 1))" "$LAB/log/witness.out" | grep announce |
		grep -e "$(mac_of "lb$1" eth0)" -e "$(mac_of "lb$1" eth1)" ||
		drill_wrong "lb$1 has told hosts that it leads, as it woke up"
}

pair_start
chat_start load 7000 50 10.20.0.120 30
for name in ${DRILLS:-kill_vrrpd stop_vrrpd term_vrrpd stop_lbd stop_syncd stop_peers_vrrpd \
	stop_peers_lbd stop_peers_syncd sleep wake}; do
	case $name in
	sleep | wake) drill "$name" any 150 ;;
	*) drill "$name" 20 ;;
	esac
done
chat_stop load
say "50 sessions, $(chat_total load answers) answers; longest stall $(chat_total load longest_stall_ms) ms"
drill_end
