# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Who started the daemons reads what they log and hears that they are ready, as systemd does; then it is
# killed.  They live on: what they log goes nowhere, and nobody hears their sign of life.  That init
# starts them again is systemd's part, and not played here.
id=P11
title="what has started and watches the daemons of the active node is killed"
touches="all"
hold_ms=2000
dark_ms=5 connect_ms=100
moves=1

# watched_start NODE: like node_start, by a supervisor.
watched_start() {
	local daemon dir=$LAB/lb$1
	for daemon in lbd syncd vrrpd; do
		stale_socket[$1-$daemon]=$(socket_made "$1" "$daemon")
		rm -f "$LAB/pid/lb$1-$daemon"
	done
	spawn "supervisor-$1" "lb$1" "$LAB_TOP/tests/lib/supervisor.py" "$LAB" "lb$1" "$LAB_BUILD" \
		--config "$LAB/pair.conf" --node "lb$1" --run-dir "$dir/run" --state-dir "$dir/state" \
		--bpf-dir "$LAB/bpf/lb$1" --key "$dir/node.key"
	for daemon in lbd syncd vrrpd; do
		wait_for 10 "$daemon of lb$1 to be started" test -s "$LAB/pid/lb$1-$daemon"
		await_daemon "$1" "$daemon"
	done
	wait_for 20 "three daemons to be ready" all_ready "$1"
}
all_ready() { (($(grep -c READY=1 "$LAB/log/supervisor-$1.out") == 3)); }
talk() {
	local daemon
	for daemon in lbd syncd vrrpd; do
		signal -HUP "lb$1-$daemon"
	done
}
all_live() { lives "lb$1-lbd" && lives "lb$1-syncd" && lives "lb$1-vrrpd"; }

# The supervised node is to lead.
prepare() {
	node_stop "$2"
	watched_start "$2"
	await_settled
	back_to "$2"
}
inject() { signal -KILL "supervisor-$1"; }
effect() { gone "supervisor-$1"; }
# Whoever starts them the next time can: they leave in order.
heal() {
	talk "$1"
	work 500
	all_live "$1" || fail "a daemon has died with its supervisor"
	has_role "$1" active || fail "lb$1 does not lead any more"
	node_stop "$1"
	node_start "$1"
}
