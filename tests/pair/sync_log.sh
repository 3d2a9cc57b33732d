#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Faults of the log and of its reader, under load: a standby that joins, a channel that is cut, a
# peer that does not read, a ring that is overrun, ports used again.  Two seconds after each, all
# flows of the active node are on the standby, or a node says that they need not be.  I4, I8.
# `make faults FULL=1` is the full size; tests/lib/faults.sh.

. "${0%/*}/../lib/faults.sh"
lab_enter "$@"

# --- 1 ----------------------------------------------------------------------------------------

# Milliseconds from the start of syncd until it was in sync, by its own clock.
joined_after() { field "$1" sync.up_ms sync.state_ms | { read -r up since; echo $((up - since)); }; }

synced_times() { grep -c 'replication: IN_SYNC' "$LAB/log/lb$1-syncd.log"; }

fault_1() {
	local asked=0 before start=$SECONDS
	node_power_off 2
	before=$(synced_times 2)
	flows_start joining $((RATE * 6))
	node_power_on 2 &
	# Until it is in sync, nothing is handed to it.
	until in_sync 2; do
		if pairctl 1 failover >"$LAB/log/failover.log" 2>&1; then
			(($(synced_times 2) > before)) || fault_wrong "a node that was loading leads"
			break
		fi
		((SECONDS - start < HEAL)) || fail "lb2 does not get in sync"
		asked=$((asked + 1))
		sleep 0.05
	done
	wait $!
	say "  in sync $(joined_after 2) ms after the start, asked to take over $asked times until then"
	flows_end joining
	judge_tables "join under load"
	back_to 1
}

# --- 2 ----------------------------------------------------------------------------------------

fault_2() {
	local resumes snapshots
	read -r resumes snapshots < <(field 1 sync.resumes sync.snapshots)
	flows_start cut $((RATE * 6))
	work 500
	channel_cut
	work 3000
	both_say_in_sync && fault_wrong "the channel is cut, and both are in sync"
	channel_heal
	flows_end cut
	judge_tables "channel cut for 3 s"
	(($(count_of 1 resumes) > resumes && $(count_of 1 snapshots) == snapshots)) ||
		fault_wrong "a short cut: $(count_of 1 resumes) resumes (were $resumes)," \
			"$(count_of 1 snapshots) snapshots (were $snapshots)"
	[[ -z $FULL ]] || cut_for_long
}
# The log has 2^20 records, and every step of the churn makes two or three.
cut_for_long() {
	local snapshots
	snapshots=$(count_of 1 snapshots)
	channel_cut
	churn_start long-cut 20000 60
	flows_end long-cut
	say "  the log has grown to $(count_of 1 head_seq)"
	channel_heal
	judge_tables "channel cut for longer than the log"
	(($(count_of 1 snapshots) > snapshots)) || fault_wrong "no snapshot after a long cut"
}

# --- 7 ----------------------------------------------------------------------------------------

memory() { awk '/^VmRSS/ { print $2 }' "/proc/$(pid_of "$1")/status"; }

# says_so WHAT: the active node tells that its standby is not up to date.
says_so() {
	LAB_POLL=0.1 wait_for 15 "$1: lb1 to tell" not_in_sync 1
	say "  $1: lb1 says $(field 1 sync.state), lb2 $(field 2 sync.state)"
}

fault_7() {
	local before after
	before=$(memory lb1-syncd)
	flows_start unread $((RATE * 5))
	signal -STOP lb2-syncd
	says_so "does not read"
	work 2000
	signal -CONT lb2-syncd
	flows_end unread
	flows_all_open unread
	judge_tables "a standby that does not read"
	flows_start slowly $((RATE * 5))
	cable_slow 100
	LAB_POLL=0.1 wait_for 15 "lb1 to tell of a slow channel" not_in_sync 1
	LAB_POLL=0.1 wait_for 15 "lb2 to tell of a slow channel" not_in_sync 2
	say "  reads slowly: lb1 says $(field 1 sync.state), lb2 $(field 2 sync.state)"
	flows_end slowly
	flows_all_open slowly
	cable_fast
	judge_tables "a slow channel"
	after=$(memory lb1-syncd)
	((after - before <= 131072)) || fault_wrong "syncd of lb1 has grown from $before to $after kB"
	say "  syncd of lb1: $before kB before, $after kB after"
	[[ -z $FULL ]] || packets_do_not_wait
}

# cost_while NAME: what a run of the active node's program takes while new flows come, in $cost.
cost_while() {
	local ns runs
	spawn "$1" lb1 "$LAB_BUILD/tests/progcost" "$(echo "$LAB"/bpf/lb1/*eth0)"
	flows_start "$1-flows" 20000 10000
	flows_end "$1-flows" >/dev/null
	signal -TERM "$1"
	wait_for 5 "$1 to end" gone "$1"
	read -r ns runs < <("$LAB_TOP/tests/lib/field.py" ns runs <"$LAB/log/$1.out")
	cost=$((ns * 1000 / runs))
}

# The program must not notice that nobody reads: in turn with a standby that does, the least of each.
# What else the machine does only adds.
packets_do_not_wait() {
	local round cost read=0 unread=0
	for ((round = 0; round < 8; round++)); do
		await_settled
		cost_while "read$round"
		((read && read <= cost)) || read=$cost
		signal -STOP lb2-syncd
		work 1500
		cost_while "unread$round"
		signal -CONT lb2-syncd
		((unread && unread <= cost)) || unread=$cost
	done
	say "  a run of the program: $read ps while the standby reads, $unread ps while it does not"
	((unread * 100 <= read * 102)) ||
		fault_wrong "a standby that does not read makes packets dearer: $read ps, then $unread ps"
	judge_tables "turns of a standby that does not read"
}

# --- 8 ----------------------------------------------------------------------------------------

events_lost() { field 1 sync.events_lost; }
lbd_lost() { pairctl 1 -j status | grep -o '"name":"event_lost","value":[0-9]*' | grep -o '[0-9]*$'; }
ring_is_full() { (($(lbd_lost) > 0)); }

fault_8() {
	local gaps lost
	gaps=$(count_of 1 gaps)
	# Who reads the ring stands still, and it has room for 150,000 events.
	signal -STOP lb1-syncd
	churn_start overrun 20000 90 10000
	LAB_POLL=0.2 wait_for 90 "the ring to be full" ring_is_full
	signal -CONT lb1-syncd
	wait_for 15 "lb1 to count a gap" counts_gap "$gaps"
	signal -TERM overrun
	wait_for 5 "overrun to end" gone overrun
	judge_tables "ring overrun"
	lost=$(lbd_lost)
	(($(events_lost) == lost)) || fault_wrong "$lost events lost, syncd knows of $(events_lost)"
	say "  $lost events lost, gaps $gaps -> $(count_of 1 gaps)"
	# Nobody else is missed for long.
	flows_start without-lbd $((RATE * 3))
	signal -STOP lb1-lbd
	work 2000
	signal -CONT lb1-lbd
	flows_end without-lbd
	flows_all_open without-lbd
	judge_tables "lbd stopped for 2 s"
}
counts_gap() { (($(count_of 1 gaps) > $1)); }

# --- 9 ----------------------------------------------------------------------------------------

fault_9() {
	node_power_off 2
	churn_start reuse 5000 8
	node_power_on 2
	flows_end reuse
	judge_tables "ports used again during a snapshot"
	dates_step
}

# What a daemon of lb1 would read.
# shellcheck disable=SC2046 # words
stepped_by() {
	local away=$(($($(dated 1) date +%s) - $(date +%s))) days=${1%d}
	((away > days * 86400 - 60 && away < days * 86400 + 60))
}

# The date of a node is its logs' business only: nothing ends, nobody is suspected.
dates_step() {
	local node flows date
	LAB_DATES=$(dpkg -L libfaketime 2>/dev/null | grep '/libfaketime.so.1$')
	[[ -n $LAB_DATES ]] || { say "  no libfaketime: the date does not step"; return; }
	for node in 2 1; do
		echo '+0' >"$LAB/date-$node"
		node_stop "$node"
		node_start "$node"
		await_settled
	done
	tables_equal 1 2
	flows=$(told flows.living)
	for date in "+1d -1d" "-1d +1d" "+0 +0"; do
		echo "${date% *}" >"$LAB/date-1"
		echo "${date#* }" >"$LAB/date-2"
		work 1500
		stepped_by "${date% *}" || fail "the date of lb1 does not step"
		both_say_in_sync || fault_wrong "dates $date: $(states | tr '\n' ',')"
	done
	judge_tables "steps of the date"
	(($(told flows.living) == flows)) || fault_wrong "$flows flows, then $(told flows.living)"
	LAB_DATES=
}

# --- the meter can fail -----------------------------------------------------------------------

fault_0() {
	local wrong=$fault_failed
	"$LAB_BUILD/tests/tables" lose "$LAB/bpf/lb2" 3 || fail "nothing can be lost"
	tables 1 2 && fail "three flows are missing, and the tables are called equal"
	[[ $(told flows.missing flows.extra) == "3 0" ]] || fail "3 missing flows: $(cat "$LAB/tables")"
	fault_failed=$wrong
	node_power_off 2
	node_power_on 2
	judge_tables "a table that lost three flows, loaded again"
}

pair_start $((FLOWS + RATE * 60 + 100000))
chat_start live 7000 50 10.20.0.120 30
flows_prepare
flows_start base "$FLOWS" 0
flows_end base
flows_all_open base
faults 0 1 2 7 8 9
chat_stop live
say "50 live sessions, none lost; longest stall $(chat_total live longest_stall_ms) ms"
