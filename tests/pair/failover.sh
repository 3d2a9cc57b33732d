#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The role goes to and fro under load: planned, where not one packet may be lost; refused, where it
# would lose sessions; by SIGTERM; and by a node that dies and returns, each node twice.  I1, I3, I4.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

other() { echo $((3 - $1)); }
holds_vip() { ip -n "lb$1" -o addr show to "$LAB_VIP" | grep -q .; }
one_owner() {
	local owners=0 n
	for n in 1 2; do
		holds_vip "$n" && owners=$((owners + 1))
	done
	((owners == 1))
}

drops() {
	pairctl "$1" -j status | tr '{' '\n' | sed -nE "s/\"name\":\"([^\"]*drop[^\"]*)\",\"value\":([1-9][0-9]*).*/lb$1 \1 \2/p"
}

planned() {
	local from=$1 before
	before=$(retransmits)
	pairctl "$from" failover >"$LAB/log/failover.log" 2>&1 ||
		fail "failover from lb$from: $(cat "$LAB/log/failover.log")"
	pair_up "$(other "$from")" "$from"
	one_owner || fail "the VIP has not one owner"
	work 500
	before=$(($(retransmits) - before))
	((before == 0)) || { retransmits_by_kind; drops 1; drops 2; }
	((before == 0)) || fail "planned failover from lb$from lost $before segments"
}

# refused NODE STATUS WHY
refused() {
	pairctl "$1" failover >"$LAB/log/failover.log" 2>&1
	local status=$?
	((status == $2)) || fail "failover $3: exit status $status, not $2"
	[[ -s $LAB/log/failover.log ]] || fail "failover $3: refused without a word"
	say "refused $3: $(head -1 "$LAB/log/failover.log")"
}

# died NODE: it is killed, its peer takes over, it returns.
died() {
	local to
	to=$(other "$1")
	probe_start
	node_power_off "$1"
	LAB_POLL=0.1 wait_for 10 "lb$to to take over from a dead lb$1" has_role "$to" active
	work 2000
	dark=$(probe_stop)
	((${dark%.*} < 500)) || fail "the path was dark for $dark ms"
	say "lb$1 died: path dark $dark ms"
	node_power_on "$1"
	pair_up "$to" "$1"
	one_owner || fail "the VIP has not one owner"
}

pair_start
chat_start load 7000 50 10.20.0.120 30

refused 2 4 "on the standby"
daemon_kill 2 syncd
LAB_POLL=0.05 wait_for 5 "lb1 to see that its peer is not in sync" \
	sh -c "! $LAB_BUILD/pairctl --run-dir $LAB/lb1/run status"
refused 1 4 "while the standby is not in sync"
daemon_start 2 syncd
await_daemon 2 syncd
pair_up 1 2

probe_meets_nodes
wait_for 12 "lb2 to know its way to 30 clients" clients_known 2 30
probe_start
for _ in 1 2 3; do
	planned 1
	planned 2
done
say "6 planned failovers: no segment lost, no new client waited over $(probe_stop) ms"

# Orderly stop: the active says so, and its peer need not wait for silence.
probe_start
signal -TERM lb1-vrrpd
LAB_POLL=0.1 wait_for 5 "lb2 to be active after lb1 has left" has_role 2 active
work 500
say "lb1 left by SIGTERM: path dark $(probe_stop) ms"
daemon_start 1 vrrpd
await_daemon 1 vrrpd
pair_up 2 1

for _ in 1 2; do
	died 2
	died 1
done
chat_stop load
say "all 50 sessions outlived 6 planned failovers, a stop and 4 deaths; longest stall" \
	"$(chat_total load longest_stall_ms) ms"
