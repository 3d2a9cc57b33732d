#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Cut wires, with sessions open and a witness on the switch: the LAN in one direction, the LAN, the
# channel, both; healed in each order.  Two owners are never seen, but while nothing at all passes
# between the nodes, and then for three adverts; or until the channel is there, when that heals first.
# I3, I4.

. "${0%/*}/../lib/drill.sh"
LAB_V6=${LAB_V6-1}
LAB_WITNESS=$LAB_CLIENTS
lab_enter "$@"

# Only between the nodes: clients still reach both.  The channel tells that there is no need to move.
drill_peer_deaf() {
	lan_way "$1" "$2"
	work 1500
	stays "$1"
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
# Where the channel alone keeps the standby from leading, syncd must be awake.
drill_busy_between() {
	load_start
	work 500
	lan_between
	work 1500
	load_stop
	stays "$1"
	lan_heal
}
# The same for a syncd that is not: the active node has let go when the standby takes over.
drill_starved() {
	lan_between
	work 500
	signal -STOP "lb$1-syncd"
	work 300
	signal -CONT "lb$1-syncd"
	work 500
	lan_heal
}
drill_starved_peer() {
	lan_between
	work 500
	signal -STOP "lb$2-syncd"
	work 300
	signal -CONT "lb$2-syncd"
	work 500
	lan_heal
}
drill_lan_between() {
	lan_between
	work 1500
	stays "$1"
	lan_heal
}
# The active node can neither send nor receive, or one of the two, and its link stays up.  Its
# witnesses tell it so, and the role does not come back to what is still dead.
drill_lan() {
	lan_cut "$1"
	dead_behind_a_carrier "$2"
}
drill_mute() {
	lan_mute "$1"
	dead_behind_a_carrier "$2"
}
drill_deaf() {
	lan_deaf "$1"
	dead_behind_a_carrier "$2"
}
# The other interface is well: members answer, clients do not.
drill_side() {
	lan_mute "$1" eth0
	dead_behind_a_carrier "$2"
}
dead_behind_a_carrier() {
	await_role "$1" active
	work 1000
	lan_heal
	stays "$1"
}
# Who is cut off from everything gives up within two seconds; until then it does not know.
drill_both_lan_first() {
	channel_cut
	lan_cut "$1"
	await_role "$2" active
	await_role "$1" fault
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

# The one case that no fence covers: nothing passes between the nodes, everybody else reaches both.
split() {
	[[ $1 == 1 ]] || pp pairctl 2 failover >/dev/null
	await_role 1 active
	channel_cut
	wait_for 5 "lb1 to miss the channel" channel_is_down 1
	wait_for 5 "lb2 to miss the channel" channel_is_down 2
	lan_between
	await_role 2 active
	work 300
}
# The command takes a while; somewhere within it the wire is whole.
heal() {
	healing=$(us)
	"$@"
	healed=$(us)
}
# The VIP must be announced where it is, within 100 ms from the heal, also when the winner cannot
# hear that there was a loser.  Hosts have learned lb2, which spoke last.
announced() {
	local took vip
	for vip in "$LAB_VIP" ${LAB_V6:+"$LAB_VIP6"}; do
		took=$(judge announced "$healing" "$vip" "$(mac_of lb1 eth0)" 2>&1)
		[[ $took =~ ^[0-9.]+$ ]] && ((${took%.*} - (healed - healing) / 1000 <= 100)) ||
			drill_wrong "$vip: announced $took ms after the heal, not within 100 ms"
	done
}
drill_unfenceable() {
	split "$1"
	heal lan_heal
	await_role 2 standby
	work 500
	channel_heal
}
drill_loser_hears_first() {
	split "$1"
	heal lan_way 2 1
	await_role 2 standby
	work 1500
	lan_heal
	work 500
	channel_heal
}
drill_winner_hears_first() {
	split "$1"
	lan_way 1 2
	work 1500
	heal lan_heal
	await_role 2 standby
	work 500
	channel_heal
}
drill_split_channel_first() {
	split "$1"
	heal channel_heal
	# There the epoch decides, and lb2 was the last to take over.
	await_role 1 standby
	work 1500
	lan_heal
}

pair_start
chat_start load 7000 50 10.20.0.120 30
for entry in ${DRILLS:-peer_deaf:20 active_deaf:20 lan_between:20 starved:any \
	starved_peer:any channel:20 mute:any deaf:any \
	side:any lan:any both_lan_first:any both_channel_first:any unfenceable:20:300 loser_hears_first:20:300 \
	winner_hears_first:20:300 split_channel_first:20:1500}; do
	IFS=: read -r name dark two <<<"$entry"
	drill "$name" "$dark" $two
	[[ -z $two || $name == split_channel_first ]] || announced
done
chat_stop load
say "50 sessions, $(chat_total load answers) answers; longest stall $(chat_total load longest_stall_ms) ms"
drill_end
