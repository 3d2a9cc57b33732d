#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Planned failovers to and fro: of 10,000 echo requests at 1,000 a second, and of a new connection
# each 2 ms, not one is lost, and whose last packets cross with the role has ended on both.  I3, I4.

. "${0%/*}/../lib/drill.sh"
lab_enter "$@"

drops() {
	pairctl "$1" -j status | tr '{' '\n' |
		sed -nE "s/\"name\":\"(drop_[^\"]*)\",\"value\":([1-9][0-9]*).*/lb$1 \1 \2/p"
}

# A request or a SYN that nobody answers is lost; the prober of drill() counts the echoes.
drill_planned() {
	local node=$1 until=$(($(ms) + ${PROBES:-10000})) turns=0
	probe_meets_nodes
	spawn probe client "$LAB_BUILD/tests/probe" "$LAB_VIP" 7000 10.20.0.163 2
	work 300
	while (($(ms) < until)); do
		pairctl "$node" failover >"$LAB/log/failover.log" 2>&1 ||
			{ drill_wrong "failover from lb$node: $(cat "$LAB/log/failover.log")"; return; }
		turns=$((turns + 1))
		node=$(other "$node")
		await_settled
		work 300
	done
	signal -TERM probe
	wait_for 5 "probe to end" gone probe
	say "$turns planned failovers; connections: $(chat_total probe opened failed longest_gap_ms)"
	[[ $(chat_total probe failed) == 0 ]] || { drill_wrong "connections were lost"; drops 1; drops 2; }
}

pair_start
chat_start load 7000 50 10.20.0.120 30
before=$(retransmits)
drill planned any
tables_equal 1 2 || drill_wrong "the tables differ: $(told flows) $(<"$LAB/log/tables.log")"
chat_stop load
say "echo requests: $(cat "$LAB/log/blackout.out"); $(($(retransmits) - before)) segments lost"
[[ $("$LAB_TOP/tests/lib/field.py" lost <"$LAB/log/blackout.out") == 0 ]] ||
	drill_wrong "echo requests were lost"
drill_end
