#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/demo/run.sh BUILD-DIR
#
# Real sessions through the death of their balancer: 20 RPC sessions on Samba and 50 chatty TCP
# sessions; the active node is killed, comes back, and gets its role back by a planned failover.
# Writes BUILD-DIR/demo/report.json and timeline.svg.  Exit status 1 when a session was lost or went
# to another member.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

RPC=20 CHAT=50
OUT=$LAB_BUILD/demo
START=$(ms)

tell() {
	local t=$(($(ms) - START))
	printf '%3d.%01d s  %s\n' $((t / 1000)) $((t / 100 % 10)) "$*"
}

# mark EVENT TEXT: what the report's windows and the picture's flags are made of.
mark() {
	printf '{"t":%s,"event":"%s","label":"%s"}\n' "$(ms)" "$1" "$2" >>"$LAB/log/events.out"
	tell "$2"
}

opened() { grep -c '"event": "open"' "$LAB/log/rpc.out"; }
rpc_open() { (($(opened) == RPC)) || gone rpc; }

demo_pair() {
	LAB_SAMBA=samba pair_start
	tell "pair up: lb1 active, lb2 standby and in sync; three members"
	spawn watch client "$LAB_TOP/tests/demo/watch.py" "$LAB_BUILD/pairctl" \
		"$LAB/lb1/run" "$LAB/lb2/run"
}

sessions_start() {
	spawn rpc client "$LAB_TOP/tests/lib/samr.py" "$LAB_VIP" "$LAB_CLIENTS" "$RPC"
	chat_start chat 7000 "$CHAT" 10.20.0.120 30
	probe_start
	wait_for 60 "RPC sessions to open" rpc_open
	if gone chat || gone rpc; then
		tail -n 3 "$LAB/log/"{chat,rpc}.{out,log}
		fail "sessions did not open"
	fi
	# Samba starts workers for its first callers; what they wait for is not the pair's doing.
	work 3000
	signal -USR1 rpc
	signal -USR1 chat
	mark open "$((RPC + CHAT)) sessions open: $RPC RPC, $CHAT chatty TCP"
}

sessions_stop() {
	signal -TERM chat
	signal -TERM rpc
	wait_for 15 "clients to end" gone chat
	wait_for 15 "clients to end" gone rpc
	probe_stop >/dev/null
	signal -TERM watch
}

main() {
	local reply
	demo_pair
	sessions_start
	work 5000

	mark kill "X  lb1 killed: all daemons, all links"
	node_power_off 1
	LAB_POLL=0.05 wait_for 10 "lb2 to take over" has_role 2 active
	tell "   lb2 is active"
	work 6000

	mark return "R  lb1 returns, empty"
	node_power_on 1
	LAB_POLL=0.1 wait_for 30 "lb1 to be in sync" is_standby 1
	mark in_sync "   lb1 is standby and in sync"
	work 4000

	mark failover "F  planned failover back: pairctl failover"
	reply=$(pairctl 2 failover 2>&1) || { say "$reply"; fail "failover was refused"; }
	tell "   $reply"
	LAB_POLL=0.05 wait_for 5 "lb1 to be active again" has_role 1 active
	work 5000

	mark end "   end"
	sessions_stop
	mkdir -p "$OUT"
	"$LAB_TOP/tests/demo/report.py" "$LAB/log" "$OUT"
}

main
