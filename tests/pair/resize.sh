#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Tables of another size: lbd is restarted and moves what is in them while sessions run and new ones
# begin.  No session is lost, no flow or pin, and no count; the standby is in sync again by itself.
# The same where the lbd that moves them is killed amid it.  I1, I7.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

A_FEW=10 # segments that a busy machine loses by itself; 10 ms without a way would cost 25

size_of() { field "$1" lbd.flows_max; }
has_size() { [[ $(size_of "$1") == "$2" ]]; }
resized() { sed -i "s/flows [0-9]*; pins [0-9]*/flows $1; pins $2/" "$LAB/pair.conf"; }
pins_in() { find "$LAB/bpf/lb$1" -name 'next-*' | wc -l; }

# restarted NODE SIGNAL: lbd of a node, with the file as it is now.
restarted() {
	signal "$2" "lb$1-lbd"
	wait_for 10 "lbd of lb$1 to leave" gone "lb$1-lbd"
	daemon_start "$1" lbd
	await_daemon "$1" lbd
}

# killed_amid NODE FLOWS LINE: lbd moves to tables of that size until its log says so.
killed_amid() {
	local seen
	seen=$(wc -l <"$LAB/log/lb$1-lbd.log")
	resized "$2" "$2"
	signal -9 "lb$1-lbd"
	wait_for 10 "lbd of lb$1 to end" gone "lb$1-lbd"
	daemon_start "$1" lbd
	LAB_POLL=0.005 wait_for 60 "lbd of lb$1 to be amid it" said_since "$1" "$seen" "$3"
	signal -9 "lb$1-lbd"
	wait_for 10 "lbd of lb$1 to end" gone "lb$1-lbd"
	say "lb$1: lbd killed, $(pins_in "$1") maps were on their way"
	daemon_start "$1" lbd
	await_daemon "$1" lbd
	# It has ended what was begun before it answers.
	LAB_POLL=0.1 wait_for 60 "lb$1 to have room for $2 flows" has_size "$1" "$2"
	(($(pins_in "$1") == 0)) || fail "lb$1 has left maps behind: $(ls "$LAB/bpf/lb$1")"
}
said_since() { tail -n +"$(($2 + 1))" "$LAB/log/lb$1-lbd.log" | grep -q "$3"; }

# A node whose lbd takes more than 5 s to start, on a busy machine, lets the other one lead: that
# costs no session, but segments may have to be sent again.
settled() { pair_is 1 2 || pair_is 2 1; }
epochs() { field 1 vrrp.epoch; field 2 vrrp.epoch; }

# counted NODE: gauges are what the tables hold.
counted() {
	pairctl "$1" verify >"$LAB/log/verify.log" 2>&1 || { cat "$LAB/log/verify.log"; return 1; }
}

# moved NODE FLOWS SIGNAL: to tables of that size.
moved() {
	local before after epochs
	before=$(retransmits) epochs=$(epochs)
	resized "$2" "$2"
	restarted "$1" "$3"
	LAB_POLL=0.1 wait_for 60 "lb$1 to have room for $2 flows" has_size "$1" "$2"
	(($(pins_in "$1") == 0)) || fail "lb$1 has left maps behind: $(ls "$LAB/bpf/lb$1")"
	LAB_POLL=0.1 wait_for 60 "the pair to be in sync again" settled
	work 300
	after=$(retransmits)
	say "lb$1: $(grep 'tables are moved' "$LAB/log/lb$1-lbd.log" | tail -1 | sed 's/.*are moved: //')," \
		"$((after - before)) segments lost"
	((after - before <= A_FEW)) || [[ $(epochs) != "$epochs" ]] ||
		{ retransmits_by_kind; fail "segments of sessions were lost"; }
	LAB_POLL=0.1 wait_for 60 "equal tables" counted 1
}

pair_start
chat_start old 7000 100 10.20.0.120 30
probe_start
flows=$(field 1 lbd.flows)
moved 2 40000 -9
moved 1 40000 -TERM
killed_amid 1 60000 'moving .* flows'
killed_amid 1 70000 'copied to new tables'
killed_amid 1 80000 'brought up to date'
moved 1 30000 -9
(($(field 1 lbd.flows) >= 100)) || fail "lb1 counts $(field 1 lbd.flows) flows, $flows before"
probe_stop >/dev/null
chat_stop old
say "$(chat_total old answers) answers, longest stall $(chat_total old longest_stall_ms) ms"
