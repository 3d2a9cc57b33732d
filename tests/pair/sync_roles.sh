#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Faults that change who leads, or who may follow, under load: the active node dies or stands still,
# both take clients, the preferred one comes back with nothing, roles go to and fro, daemons start
# anew, configurations and sizes differ, disks are full.  Two seconds after each, all flows of the
# active node are on the standby, or a node says that they need not be; no session is lost.  I1, I4,
# I5.  `make faults FULL=1` is the full size; tests/lib/faults.sh.

. "${0%/*}/../lib/faults.sh"
lab_enter "$@"

STOP=${STOP:-${FULL:+10}} STOP=${STOP:-4}
says() { pairctl "$1" status 2>&1 | grep -qE "$2"; }
in_state() { [[ $(field "$1" sync.state) == "$2" ]]; }
epoch_of() { field "$1" vrrp.epoch; }

# --- 3 ----------------------------------------------------------------------------------------

# What a node held when it died is still pinned; what it had told for longer than a moment is here.
dead_is_survived() {
	tables "$1" "$2"
	say "  lb$1 died with $(told flows.left) flows; $(told flows.missing) of them had not been" \
		"told, all of the last $(told flows.missing_ms) ms"
	(($(told flows.missing_ms) <= 3000)) || fault_wrong "lb$2 lacks older flows than the last ones"
}

loading() { in_state "$1" loading; }

# The tables of lb1 take some seconds on such a cable.
start_slowly() {
	node_power_off "$1"
	cable_slow 3000
	node_power_on "$1"
	LAB_POLL=0.02 wait_for 20 "lb$1 to load" loading "$1"
	work 300
	loading "$1" || fault_wrong "lb$1 has loaded too fast to be met in mid-snapshot"
}

fault_3() {
	flows_start dying $((RATE * 5))
	work 1500
	node_power_off 1
	await_role 2 active
	dead_is_survived 1 2
	flows_end dying
	node_power_on 1
	judge_tables "power lost in mid-batch"

	start_slowly 1
	flows_start killed $((RATE * 3))
	daemon_kill 2 syncd
	daemon_start 2 syncd
	await_daemon 2 syncd
	flows_end killed
	cable_fast
	judge_tables "syncd of the active node killed in mid-snapshot"

	start_slowly 1
	node_power_off 2
	await_role 1 active
	cable_fast
	say "  lb1 leads with what it has: $(field 1 lbd.flows) flows"
	node_power_on 2
	flows_start again "$FLOWS" 0 # what nobody holds any more
	flows_end again
	judge_tables "power of the active node lost in mid-snapshot"
}

# --- 4 ----------------------------------------------------------------------------------------

# reload SED-SCRIPT: another configuration on both nodes.
reload() {
	local node daemon
	sed -i "$1" "$LAB/pair.conf"
	for node in 1 2; do
		for daemon in lbd syncd vrrpd; do
			signal -HUP "lb$node-$daemon"
		done
	done
}

fault_4() {
	local role state seen=0
	back_to 1
	reload 's/vrid 51/vrid 51; preempt yes/'
	await_settled
	node_power_off 1
	await_role 2 active
	cable_slow 6000
	node_power_on 1
	while read -r role state < <(field 1 vrrp.role sync.state); [[ $role != active ]]; do
		[[ $state == in-sync ]] || seen=$((seen + 1))
		[[ $state != in-sync ]] || cable_fast 2>/dev/null
		((seen < 2000)) || fail "lb1 does not get in sync"
		sleep 0.02
	done
	((seen > 0)) || fault_wrong "lb1 was active before it was seen to load"
	cable_fast 2>/dev/null
	say "  $seen looks at a preferred node that waits until it is in sync"
	judge_tables "the preferred node came back empty"
	has_role 1 active || fault_wrong "lb1 has not taken its role back"
	(($(field 1 lbd.flows) >= FLOWS)) || fault_wrong "lb1 leads with $(field 1 lbd.flows) flows"
	reload 's/; preempt yes//'
	await_settled
}

# --- 5 ----------------------------------------------------------------------------------------

fault_5() {
	local daemon before
	back_to 1
	before=$(epoch_of 1)
	flows_start paused $((RATE * (STOP + 2)))
	work 500
	for daemon in vrrpd syncd lbd; do
		signal -STOP "lb1-$daemon"
	done
	await_role 2 active
	work $((STOP * 1000))
	for daemon in vrrpd syncd lbd; do
		signal -CONT "lb1-$daemon"
	done
	flows_end paused
	flows_all_open paused
	judge_tables "the active node stood still for $STOP s"
	has_role 2 active || fault_wrong "the old active node is active again"
	(($(epoch_of 2) > before)) || fault_wrong "the epoch has not risen"
	say "  epoch $before -> $(epoch_of 2)"
}

# --- 6 ----------------------------------------------------------------------------------------

# steer NODE: the client and the members send everything there.
steer() {
	local member
	pp ip -n client neigh replace "$LAB_VIP" lladdr "$(mac_of "lb$1" eth0)" dev eth0 nud permanent
	for member in "${LAB_MEMBERS[@]}"; do
		pp ip -n "$member" neigh replace "$LAB_GATEWAY" lladdr "$(mac_of "lb$1" eth1)" \
			dev eth0 nud permanent
	done
}
# believes HOST ADDRESS NODE INTERFACE: as if it had just heard so, and until it hears otherwise.
believes() {
	pp ip -n "$1" neigh replace "$2" lladdr "$(mac_of "lb$3" "$4")" dev eth0 nud reachable
}
knows() { ip -n "$1" neigh show "$2" | grep -qi "lladdr $(mac_of "lb$3" "$4")"; }
# Whoever wins: some have to be told.
believe_both() {
	believes client "$LAB_VIP" 1 eth0
	believes "${LAB_MEMBERS[0]}" "$LAB_GATEWAY" 1 eth1
	believes "${LAB_MEMBERS[1]}" "$LAB_GATEWAY" 2 eth1
	believes "${LAB_MEMBERS[2]}" "$LAB_GATEWAY" 2 eth1
}
all_know() {
	local member node
	node=$(active)
	knows client "$LAB_VIP" "$node" eth0 || return 1
	for member in "${LAB_MEMBERS[@]}"; do
		knows "$member" "$LAB_GATEWAY" "$node" eth1 || return 1
	done
}

fault_6() {
	local each=3000 before
	back_to 1
	before=$(field 1 lbd.flows)
	channel_cut
	wait_for 5 "lb1 to miss the channel" channel_is_down 1
	wait_for 5 "lb2 to miss the channel" channel_is_down 2
	lan_between
	await_role 2 active
	steer 1
	flows_start by-lb1 $each 0
	flows_end by-lb1
	flows_all_open by-lb1
	has_role 1 active || fault_wrong "lb1 gave up while it could not know"
	next_flow=$((next_flow - 1000)) # some of them on both
	steer 2
	flows_start by-lb2 $each 0
	flows_end by-lb2
	flows_all_open by-lb2
	say "  split: lb1 holds $(field 1 lbd.flows) flows, lb2 $(field 2 lbd.flows)"
	believe_both
	lan_heal
	channel_heal
	await_settled
	wait_for 5 "client and members to know who leads" all_know
	judge_tables "both nodes took clients"
	(($(told flows.left) == before + 2 * each - 1000)) ||
		fault_wrong "$before flows and $((2 * each - 1000)) more make $(told flows.left)"
}

# --- 11 ---------------------------------------------------------------------------------------

# snapshots_of NODE DAEMON: of the processes that live on; one that is new has made none.
snapshots_of() {
	local count
	count=$(count_of "$1" snapshots)
	[[ $2 == syncd ]] || { echo "$count $(count_of "$(other "$1")" snapshots)"; return; }
	echo "0 $(count_of "$(other "$1")" snapshots)"
}

fault_11() {
	local daemon node before after
	back_to 1
	for daemon in syncd lbd; do
		for node in 2 1; do
			flows_start "$daemon-$node" $((RATE * 3))
			work 500
			before=$(snapshots_of "$node" "$daemon")
			daemon_kill "$node" "$daemon"
			work 500
			daemon_start "$node" "$daemon"
			await_daemon "$node" "$daemon"
			flows_end "$daemon-$node"
			flows_all_open "$daemon-$node"
			judge_tables "$daemon of lb$node killed under load"
			after="$(count_of "$node" snapshots) $(count_of "$(other "$node")" snapshots)"
			[[ $after == "$before" ]] ||
				fault_wrong "$daemon of lb$node: snapshots $before, then $after"
		done
	done
}

# --- 12 ---------------------------------------------------------------------------------------

# node_config NODE SED-SCRIPT: that node has a file of its own from its next start on.
node_config() { sed "$2" "$LAB/pair.conf" >"$LAB/lb$1/pair.conf"; }

fault_12() {
	local daemon
	back_to 1
	node_stop 2
	node_config 2 '/service bulk/,/}/d'
	node_start 2
	LAB_POLL=0.1 wait_for 10 "lb2 to name the reason" says 2 'configuration differs'
	not_in_sync 1 || fault_wrong "lb1 calls itself in sync with a standby it refuses"
	pairctl 1 failover >"$LAB/log/failover.log" 2>&1
	(($? == 4)) || fault_wrong "failover to another configuration is not refused"
	say "  lb2: $(field 2 sync.reason)"
	flows_start differs "$RATE"
	flows_end differs
	flows_all_open differs
	cp "$LAB/pair.conf" "$LAB/lb2/pair.conf"
	for daemon in lbd syncd vrrpd; do
		signal -HUP "lb2-$daemon"
	done
	judge_tables "configurations differed"
}

# --- 13 ---------------------------------------------------------------------------------------

fault_13() {
	local before node i
	back_to 1
	before=$(epoch_of 1)
	flows_start flapping $((RATE * 6))
	node=1
	for ((i = 0; i < 10; i++)); do
		LAB_POLL=0.02 wait_for 10 "failover from lb$node" pairctl "$node" failover
		node=$(other "$node")
	done
	flows_end flapping
	flows_all_open flapping
	judge_tables "ten planned failovers in a row"
	(($(epoch_of 1) >= before + 10)) || fault_wrong "epoch $before -> $(epoch_of 1) in ten failovers"
}

# --- 14 ---------------------------------------------------------------------------------------

fault_14() {
	back_to 1
	standby_is_full
	disk_is_full
}

has_room() { [[ $(field "$1" lbd.flows_max) == "$2" ]]; }

# lbd alone runs with a configuration of its own: for syncd the nodes have the same one.
standby_is_full() {
	local room=$(($(field 1 lbd.flows) + RATE))
	node_stop 2
	"$LAB_BUILD/lbd" --detach-data-plane --bpf-dir "$LAB/bpf/lb2" >"$LAB/log/detach.log" 2>&1
	node_config 2 "s/flows [0-9]*/flows $room/"
	daemon_start 2 lbd
	wait_for 10 "lb2 to have a small table" has_room 2 "$room"
	cp "$LAB/pair.conf" "$LAB/lb2/pair.conf"
	daemon_start 2 syncd
	daemon_start 2 vrrpd
	await_daemon 2 syncd
	await_daemon 2 vrrpd
	LAB_POLL=0.1 wait_for 20 "lb2 in sync, its table still large enough" is_standby 2
	flows_start too-many $((RATE * 3))
	LAB_POLL=0.1 wait_for 10 "lb2 to be out of sync" not_in_sync 2
	LAB_POLL=0.1 wait_for 10 "lb1 to know" not_in_sync 1
	flows_end too-many
	flows_all_open too-many
	says 2 'full' || fault_wrong "lb2 does not say that its table is full"
	say "  full: lb1 says $(field 1 sync.state), lb2 $(field 2 sync.state): $(field 2 sync.reason)"
	node_stop 2
	node_start 2
	wait_for 60 "lb2 to have a large table" has_room 2 "$(field 1 lbd.flows_max)"
	judge_tables "a standby whose table was full"
}

disk_is_full() {
	signal -TERM lb2-vrrpd
	wait_for 10 "vrrpd of lb2 to leave" gone lb2-vrrpd
	mount -t tmpfs -o size=16k full "$LAB/lb2/state" || fail "no small file system"
	dd if=/dev/zero of="$LAB/lb2/state/full" bs=4k >/dev/null 2>&1
	daemon_start 2 vrrpd
	await_daemon 2 vrrpd
	await_role 2 fault
	says 2 'cannot be stored' || fault_wrong "lb2 does not say that it cannot store an epoch"
	pairctl 1 failover >"$LAB/log/failover.log" 2>&1 &&
		fail "a node that cannot store its epoch was made the active one"
	await_role 1 active
	say "  full disk: lb2 is $(field 2 vrrp.role); failover: $(tail -n 1 "$LAB/log/failover.log")"
	umount "$LAB/lb2/state"
	await_role 2 standby
	judge_tables "a disk that was full"
	back_to 2
}

pair_start $((FLOWS + RATE * 60 + 100000))
chat_start live 7000 50 10.20.0.120 30
flows_prepare
flows_start base "$FLOWS" 0
flows_end base
flows_all_open base
faults 3 4 5 6 11 12 13 14
chat_stop live
say "50 live sessions, none lost; longest stall $(chat_total live longest_stall_ms) ms"
