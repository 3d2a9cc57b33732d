# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of replication's faults have in common: flows in great numbers, wires that are cut
# or slow, and the judgement: two seconds after a fault both tables are equal key by key, or a node
# says that they need not be; and they become equal by themselves.
#
# CASES="1 9" picks some; FULL=1 is the full size, with half a million flows and 20,000 new ones a
# second.

. "${BASH_SOURCE[0]%/*}/drill.sh"

if [[ -n $FULL ]]; then
	FLOWS=${FLOWS:-500000} RATE=${RATE:-20000} HEAL=120
else
	FLOWS=${FLOWS:-50000} RATE=${RATE:-2500} HEAL=40
fi
next_flow=0 # flows are numbered, so that each batch is of others

# --- flows ------------------------------------------------------------------------------------

# Flows without sockets: the kernels of both sides must not see them.
deafen() {
	on "$1" nft -f - <<-END || fail "nft refuses"
		table ip deaf {
		    chain input { type filter hook input priority 0; tcp $2 7001 drop; }
		}
	END
}

flows_prepare() {
	local space
	deafen client sport
	for space in "${LAB_MEMBERS[@]}"; do
		deafen "$space" dport
		spawn "fill-$space" "$space" "$LAB_BUILD/tests/flowfill" answer 7001
	done
}

# flows_start NAME COUNT [RATE]: new flows from here on, beside whatever the test does.
flows_start() {
	spawn "$1" client "$LAB_BUILD/tests/flowfill" open "$LAB_VIP" 7001 "$2" "$LAB_CLIENTS" 64 \
		"${3:-$RATE}" "$next_flow"
	next_flow=$((next_flow + $2))
}
# churn_start NAME COUNT SECONDS [RATE]: flows that come, are reset and come again.
churn_start() {
	spawn "$1" client nice -n 19 "$LAB_BUILD/tests/flowfill" churn "$LAB_VIP" 7001 "$2" "$LAB_CLIENTS" 64 \
		"${4:-$RATE}" "$3" "$next_flow"
	next_flow=$((next_flow + $2))
}
# flows_end NAME: until it is done; what the fault kept from opening is no fault of this test.
flows_end() {
	wait_for 180 "$1 to end" gone "$1"
	[[ -s $LAB/log/$1.out ]] || fail "$1: $(cat "$LAB/log/$1.log")"
	say "  $1: $(cat "$LAB/log/$1.out")"
}
flows_all_open() {
	(($("$LAB_TOP/tests/lib/field.py" flows <"$LAB/log/$1.out") ==
		$("$LAB_TOP/tests/lib/field.py" opened <"$LAB/log/$1.out"))) ||
		fault_wrong "$1: not all flows could be opened"
}

# --- judgement --------------------------------------------------------------------------------

fault_wrong() { say "WRONG: $*"; fault_failed=1; }

# judge_tables WHAT: the fault has ended, and so has the load.
judge_tables() {
	local node left
	holds_all "$1" || fault_wrong "$1: a node says in-sync after 2 s, and the tables differ"
	LAB_POLL=0.1 wait_for "$HEAL" "$1: one active node, one in sync" settled
	node=$(active)
	left=$(other "$node")
	tables_equal "$node" "$left" || {
		cat "$LAB/tables" "$LAB/log/tables.log"
		fault_wrong "$1: both nodes are in sync, and their tables differ"
		return
	}
	say "  equal: $(told flows.left) flows and $(told pins.left) pins on both"
}

count_of() { field "$1" "sync.$2"; }

not_in_sync() { local state; state=$(field "$1" sync.state) && [[ -n $state && $state != in-sync ]]; }

# back_to NODE: whoever leads hands over.
back_to() {
	await_settled
	has_role "$1" active || LAB_POLL=0.1 wait_for 20 "failover to lb$1" \
		pairctl "$(other "$1")" failover
	await_settled
}

# --- wires ------------------------------------------------------------------------------------

# cable_slow KBIT: what node 1 and 2 send to each other is held back; cable_fast ends it.
cable_slow() {
	local node
	for node in 1 2; do
		on "lb$node" tc qdisc replace dev eth2 root tbf rate "${1}kbit" burst 8kb latency 2s ||
			fail "no tbf"
	done
}
cable_fast() {
	local node
	for node in 1 2; do
		on "lb$node" tc qdisc del dev eth2 root
	done
}

# cable_lossy: each fifth of the frames that the nodes send to each other is lost; cable_whole ends it.
cable_lossy() {
	local node
	for node in 1 2; do
		on "lb$node" nft -f - <<-END || fail "nft refuses"
			table inet lossy {
			    chain out { type filter hook output priority 0;
			        oifname eth2 numgen random mod 100 < 20 drop; }
			}
		END
	done
}
cable_whole() {
	local node
	for node in 1 2; do
		on "lb$node" nft delete table inet lossy
	done
}

CABLE_MARK=7 # of what leaves a node and is not what its kernel has said

# cable_bad KIND: what the nodes send to each other is spoiled as badwire.py says; cable_good ends it.
cable_bad() {
	local node
	for node in 1 2; do
		spawn "badwire-$node" "lb$node" nice -n -5 "$LAB_TOP/tests/lib/badwire.py" eth2 bad0 "$CABLE_MARK" "$1"
		wait_for 5 "the tap of lb$node" tap_is_up "$node"
		on "lb$node" nft -f - <<-END || fail "nft refuses"
			table netdev bad {
			    chain out { type filter hook egress device eth2 priority 0;
			        meta mark != $CABLE_MARK fwd to bad0; }
			}
		END
	done
}
tap_is_up() { ip -n "lb$1" link show bad0 up 2>/dev/null | grep -q bad0; }
# Also when the node's processes are dead.
cable_good() {
	local node
	for node in 1 2; do
		on "lb$node" nft delete table netdev bad
		signal -TERM "badwire-$node"
		wait_for 5 "badwire of lb$node to end" gone "badwire-$node"
	done
}

# --- cases ------------------------------------------------------------------------------------

# faults NUMBER...: runs fault_NUMBER for each, in order, unless CASES picks others.
faults() {
	local number begun
	for number; do
		[[ -z $CASES || " $CASES " == *" $number "* ]] || continue
		begun=$(ms)
		say "fault $number: $(fault_name "$number")"
		await_settled
		"fault_$number"
		say "  $(($(ms) - begun)) ms"
	done
	[[ -z $fault_failed ]] || fail "a fault was not survived"
}
fault_name() {
	case $1 in
	0) say "three flows are taken away: is that seen?" ;;
	1) say "a standby joins under load" ;;
	2) say "the channel is cut, for a while and for longer than the log" ;;
	3) say "the active node dies, in mid-batch and in mid-snapshot" ;;
	4) say "the preferred node comes back with empty tables" ;;
	5) say "the active node stands still and wakes up" ;;
	6) say "nothing passes between the nodes, and both take clients" ;;
	7) say "the standby does not read, or reads slowly" ;;
	8) say "the ring is overrun" ;;
	9) say "ports used again while a snapshot is loaded; the date steps by a day" ;;
	11) say "daemons start anew under load" ;;
	12) say "configurations that differ" ;;
	13) say "roles to and fro" ;;
	14) say "no room on the standby, no room on its disk" ;;
	esac
}
