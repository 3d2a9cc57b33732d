#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kill -9 of each daemon in turn, on both nodes, under load: no packet of an existing flow is lost
# (no TCP of either side sends anything twice), status names what is missing, and replication goes
# on by itself once the daemon is back.  I7, I9.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

other() { echo $((3 - $1)); }
active() { if has_role 1 active; then echo 1; else echo 2; fi; }
settled() { pair_is 1 2 || pair_is 2 1; }
# The daemon's part of the answer is absent, and the words for people name it.
missed() {
	local part=$2
	[[ $part != lbd ]] || part=lbd.up_ms
	[[ $part != vrrpd ]] || part=vrrp.up_ms
	[[ $part != syncd ]] || part=sync.up_ms
	[[ -z $(field "$1" "$part") ]] && pairctl "$1" status 2>&1 | grep -qw "$2"
}

# kill_one ROLE NODE DAEMON
kill_one() {
	local role=$1 node=$2 daemon=$3 before after
	before=$(retransmits)
	pp daemon_kill "$node" "$daemon"
	wait_for 3 "status of lb$node to name $daemon" missed "$node" "$daemon"
	work 1000
	daemon_start "$node" "$daemon"
	await_daemon "$node" "$daemon"
	LAB_POLL=0.1 wait_for 20 "the pair to be in sync again" settled
	work 500
	after=$(retransmits)
	say "$role lb$node: $daemon killed and started: $((after - before)) segments lost"
	((after == before)) || lost=$((lost + after - before))
}

lost=0
pair_start
chat_start load 7000 50 10.20.0.120 30
for daemon in syncd lbd vrrpd; do
	node=$(active)
	kill_one standby "$(other "$node")" "$daemon"
	kill_one active "$node" "$daemon"
done
chat_stop load
((lost == 0)) || fail "$lost segments of existing flows were lost"
say "six kills, $(chat_total load answers) answers: no segment lost, longest stall" \
	"$(chat_total load longest_stall_ms) ms"
