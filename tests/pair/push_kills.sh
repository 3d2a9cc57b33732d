#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A daemon of either node, a whole node, pairctl, the channel or a node's link to the LAN dies at a
# random moment of a push that was asked for on either node, N times.  Each time both nodes end on one
# whole revision that all their daemons run, and the next push works.  No session is lost.  SEED= plays
# the same moments again; VICTIMS= names who dies.  I1, I4.

. "${0%/*}/../lib/push.sh"
lab_enter "$@"
N=${N:-4}
RANDOM=${SEED:=$RANDOM}

settled() {
	local one two id lbd vrrp sync
	one=$(field 1 sync.revision_id lbd.config_digest vrrp.config_digest sync.config_digest)
	two=$(field 2 sync.revision_id lbd.config_digest vrrp.config_digest sync.config_digest)
	read -r id lbd vrrp sync <<<"$one"
	[[ -n $id && $one == "$two" && $lbd == "$vrrp" && $lbd == "$sync" ]] &&
		{ pair_is 1 2 || pair_is 2 1; }
}
await_settled() {
	LAB_POLL=0.1 wait_for 60 "one revision on both nodes: $1" settled
}
# Another weight, and another number of the virtual router, which the nodes know each other by.
weigh() {
	sed "s/member m1 {/member m1 { weight $1;/; s/vrid 51/vrid $(($1 % 200 + 1))/" "$LAB/pair.conf" \
		>"$LAB/new.conf"
}
second_done() { pairctl $((RANDOM % 2 + 1)) push "$LAB/new.conf" --no-confirm >"$LAB/log/second.log" 2>&1; }
second_push() {
	weigh $((100 + $1))
	LAB_POLL=0.2 wait_for 30 "the push after $2" second_done
	await_settled "after the push that followed $2"
}

daemons="lb1-syncd lb2-syncd lb1-lbd lb2-lbd lb1-vrrpd lb2-vrrpd"
read -ra victims <<<"${VICTIMS:-$daemons pairctl channel lb1-lan lb2-lan lb1-node lb2-node}"

cut() { # cut NAMESPACE LINK
	ip -n "$1" link set "$2" down
	work $((RANDOM % 1500))
	ip -n "$1" link set "$2" up
}

strike() {
	local victim=$1 pid=$2
	case $victim in
	pairctl) kill -9 "$pid" 2>/dev/null ;;
	channel) cut lb1 eth2 ;;
	*-lan) cut switch "${victim%-lan}-eth0" ;;
	*-node)
		node_power_off "${victim:2:1}"
		work $((RANDOM % 1500))
		node_power_on "${victim:2:1}"
		;;
	*)
		daemon_kill "${victim:2:1}" "${victim#*-}"
		daemon_start "${victim:2:1}" "${victim#*-}"
		await_daemon "${victim:2:1}" "${victim#*-}"
		;;
	esac
}

round() {
	local i=$1 victim=${victims[RANDOM % ${#victims[@]}]} after=$((RANDOM % 120)) pid status=0
	local node=$((RANDOM % 2 + 1))
	weigh $((i % 50 + 11))
	pairctl "$node" push "$LAB/new.conf" --no-confirm >"$LAB/log/first.log" 2>&1 &
	pid=$!
	work "$after"
	strike "$victim" "$pid"
	wait "$pid" || status=$?
	await_settled "$victim died after $after ms, seed $SEED, round $i"
	say "round $i: $victim after $after ms: push on lb$node exit $status, revision $(field 1 sync.revision)"
	second_push "$i" "$victim"
}

lab_wires
lab_members ""
lab_config
nodes_sign
pair_begin
chat_start chat 7000 60 10.20.0.120 30
say "seed $SEED"
for ((i = 1; i <= N; i++)); do
	round "$i"
done
chat_stop chat
say "$N pushes interrupted: one revision on both nodes after each, no session lost"
