#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lbd of the active node is killed and stopped in turn, RESTARTS times (5), while sessions talk and
# new ones begin: no segment is lost, counters go on from where they were, and nothing piles up, be
# it pins, descriptors of maps and programs, or filters.  LAB_HOOK=tc does it there.  I7.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

A_FEW=$((2 * ${RESTARTS:-5})) # segments that a busy machine loses by itself

# descriptors NODE DAEMON: how many of the kernel's BPF objects it holds, by kind.
descriptors() {
	find "/proc/$(pid_of "lb$1-$2")/fd" -lname 'anon_inode:bpf*' -printf '%l\n' 2>/dev/null |
		sed 's/^anon_inode:bpf.//' | sort | uniq -c | sed 's/^ *//' | paste -sd, -
}

# held NODE: everything that keeps a map or a program alive.
held() {
	local daemon
	(cd "$LAB/bpf/lb$1" && ls) | paste -sd' ' -
	for daemon in lbd syncd vrrpd; do
		echo "$daemon: $(descriptors "$1" "$daemon")"
	done
	for device in eth0 eth1; do
		echo "$device: $(on "lb$1" tc filter show dev "$device" ingress | wc -l) filter lines"
	done
}
as_before() { held 1 >"$LAB/log/held"; diff "$LAB/log/held.before" "$LAB/log/held" >"$LAB/log/held.diff"; }

# A node whose lbd takes more than 5 s to start, on a busy machine, lets the other one lead: that
# costs no session, but segments may have to be sent again.
settled() { pair_is 1 2 || pair_is 2 1; }
epochs() { field 1 vrrp.epoch; field 2 vrrp.epoch; }

# total NAME: a counter of lb1's data plane.
total() {
	pairctl 1 -j status 2>/dev/null | "$LAB_TOP/tests/lib/field.py" lbd.counter |
		grep -oP "'$1', 'value': '?\K[0-9]+"
}
knows() { [[ -n $(total promoted) ]]; }

pair_start
chat_start load 7000 50 10.20.0.120 30
probe_start
lost=$(retransmits) epochs=$(epochs)
wait_for 30 "counters of lb1" knows
held 1 >"$LAB/log/held.before"
for ((i = 1; i <= ${RESTARTS:-5}; i++)); do
	promoted=$(total promoted) forwarded=$(total forwarded_in)
	if ((i % 2)); then
		signal -9 lb1-lbd
	else
		signal -TERM lb1-lbd
	fi
	wait_for 10 "lbd of lb1 to end" gone lb1-lbd
	daemon_start 1 lbd
	await_daemon 1 lbd
	wait_for 30 "counters of lb1" knows
	(($(total promoted) >= promoted && $(total forwarded_in) >= forwarded)) ||
		fail "restart $i: counters fell from $promoted and $forwarded" \
			"to $(total promoted) and $(total forwarded_in)"
	LAB_POLL=0.1 wait_for 60 "the pair to be in sync again" settled
	wait_for 60 "restart $i: what is held to be as before" as_before
done
work 300
lost=$(($(retransmits) - lost))
probe_stop >/dev/null
chat_stop load
((lost <= A_FEW)) || [[ $(epochs) != "$epochs" ]] ||
	{ retransmits_by_kind; fail "$lost segments of existing flows were lost"; }
say "${RESTARTS:-5} restarts, $(chat_total load answers) answers: $lost segments lost;" \
	"$(sed -n 's/^lbd: /lbd holds /p' "$LAB/log/held")"
