#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Cut wires, with sessions open and a witness on the switch: the LAN in one direction, the LAN, the
# channel, both; healed in each order.  I3, I4.

. "${0%/*}/../lib/drill.sh"
lab_enter "$@"

stays() { has_role "$1" active || drill_wrong "$FUNCNAME: the role moved from lb$1"; }

# Only between the nodes: clients still reach both.
drill_peer_deaf() {
	lan_way "$1" "$2"
	work 1500
	lan_heal
}
drill_active_deaf() {
	lan_way "$2" "$1"
	work 1500
	stays "$1"
	lan_heal
}
drill_channel() {
	channel_cut
	work 2500
	stays "$1"
	channel_heal
}
drill_lan_between() {
	lan_between
	work 1500
	lan_heal
}
# The active node can neither send nor receive, and its link stays up.
drill_lan() {
	lan_cut "$1"
	await_role "$2" active
	work 1000
	lan_heal
}
drill_mute() {
	lan_mute "$1"
	await_role "$2" active
	work 1000
	lan_heal
}
drill_deaf() {
	lan_deaf "$1"
	work 1500
	lan_heal
}
drill_both_lan_first() {
	channel_cut
	lan_cut "$1"
	await_role "$2" active
	work 1500
	lan_heal
	work 1000
	channel_heal
}
drill_both_channel_first() {
	channel_cut
	lan_cut "$1"
	await_role "$2" active
	work 1500
	channel_heal
	work 1000
	lan_heal
}

pair_start
chat_start load 7000 50 10.20.0.120 30
for entry in ${DRILLS:-active_deaf:20 channel:20 deaf:any \
	both_channel_first:any}; do
	drill "${entry%:*}" "${entry#*:}"
done
chat_stop load
say "50 sessions, $(chat_total load answers) answers; longest stall $(chat_total load longest_stall_ms) ms"
drill_end
