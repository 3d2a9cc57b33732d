#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Busy processors do not move the role: adverts of 100 ms, both processors full of loops, forks and
# pipes for LOAD_S (10) seconds.  And vrrpd has what it takes: a real-time class and locked memory
# where it may; one line in the log where it may not.

. "${0%/*}/../lib/drill.sh"
lab_enter "$@"

class() { chrt -a -p "$(pid_of "lb$1-vrrpd")" | sed -n 's/.*policy: //p' | sort -u; } # of all its threads
guard() { sed -n 's/^Max realtime timeout *\([0-9a-z]*\).*/\1/p' "/proc/$(pid_of "lb$1-vrrpd")/limits"; }
locked() { sed -n 's/^VmLck:\s*\([0-9]*\) kB/\1/p' "/proc/$(pid_of "lb$1-vrrpd")/status"; }

drill_load() {
	load_start
	work $((${LOAD_S:-10} * 1000))
	load_stop
	stays "$1"
}

pair_start
if grep -q "no real-time scheduling" "$LAB/log/lb1-vrrpd.log"; then
	say "this machine grants no real-time scheduling"
else
	[[ $(class 1) == SCHED_FIFO ]] || drill_wrong "vrrpd is $(class 1), not SCHED_FIFO"
	(($(guard 1) <= 5000000)) || drill_wrong "vrrpd may run for $(guard 1) us without a pause"
fi
(($(locked 1) > 0)) || drill_wrong "vrrpd's memory is not locked"
changes=$(field 1 vrrp.transitions)/$(field 2 vrrp.transitions)
drill load any
[[ $changes == "$(field 1 vrrp.transitions)/$(field 2 vrrp.transitions)" || -n $moved ]] ||
	drill_wrong "roles changed and changed back"
say "longest pause between adverts $(judge adverts "lb$(active)-eth0") ms"

daemon_kill 2 vrrpd
LAB_PLAIN=1 daemon_start 2 vrrpd
await_daemon 2 vrrpd
[[ $(class 2) == SCHED_OTHER ]] || drill_wrong "vrrpd without the right to it is $(class 2)"
(($(grep -c "no real-time scheduling" "$LAB/log/lb2-vrrpd.log") == 1)) ||
	drill_wrong "not one line says that vrrpd runs without real-time scheduling"
drill_end
