# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the fuzzers keep, at every door of a node that runs: its control sockets, the channel in the
# peer's name, VRRP in the peer's name, and as the answers of a member to the RPC check.
id=M2
title="every door of the active node gets what the fuzzers keep"
touches="all"
first=1 # who listens for the channel
hold_ms=2000
dark_ms=5 connect_ms=100
stays=1

GROWTH_KIB=4096
REPLAY_PORT=61005 # no kernel gives it to a connection of its own
CORPUS=$LAB_TOP/tests/fuzz/corpus
MALFORMED=$LAB_TOP/tests/lib/malformed.py

with_check() {
	sed "/^    member m1/i\\
    service replay { ports $REPLAY_PORT; check rpc-epm { port $REPLAY_PORT; interface rpc-client-access; interval 300ms; timeout 250ms } }" \
		"$LAB/pair.conf" >"$LAB/new.conf"
}
checker_of() { pgrep -P "$(pid_of "lb$1-lbd")" | head -n 1; }
# NAME PID KIB DESCRIPTORS of each process of a node.
processes() {
	local name pid
	for name in lbd syncd vrrpd checker; do
		pid=$(pid_of "lb$1-$name")
		[[ $name != checker ]] || pid=$(checker_of "$1")
		echo "$name $pid $(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")" \
			"$(find "/proc/$pid/fd" -mindepth 1 | wc -l)"
	done
}
refusals() {
	pairctl "$1" -j status | grep -oE '"name":"(bad-[a-z]+|half-open-limit|slow)","value":[0-9]+' |
		awk -F: '{ sum += $NF } END { print sum + 0 }'
}

prepare() {
	local member address
	for member in "${LAB_MEMBERS[@]}"; do
		address=$(ip -n "$member" -j -4 addr show eth0 |
			"$LAB_TOP/tests/lib/field.py" 0.addr_info.0.local)
		spawn "replay-$member" "$member" "$MALFORMED" answers "$address" $REPLAY_PORT "$CORPUS"/dce/*
		wait_for 10 "$member to answer" test -s "$LAB/log/replay-$member.out"
	done
	with_check
	pairctl "$1" push "$LAB/new.conf" --no-confirm || fail "the push"
	LAB_POLL=0.1 wait_for 20 "one revision on both nodes" one_revision
	LAB_POLL=0.1 wait_for 20 "a malformed answer to be found out" found_out "$1"
	processes "$1" >"$LAB/processes"
	refusals "$1" >"$LAB/refusals"
}
found_out() {
	pairctl "$1" -j members | "$LAB_TOP/tests/lib/verdict.py" m1 replay | grep -q "^down rpc $REPLAY_PORT"
}
inject() {
	local daemon
	for daemon in lbd syncd vrrpd; do
		"$MALFORMED" control "$LAB/lb$1/run/$daemon.sock" "$CORPUS"/*/* || fail "$daemon is gone"
	done
	on "lb$2" "$MALFORMED" channel "192.168.77.$1" 7790 "192.168.77.$2" "$CORPUS"/{seal,frame,record}/* ||
		fail "syncd is gone"
	on client "$MALFORMED" adverts eth0 "10.20.0.1$2" 51 "$CORPUS"/advert/* || fail "no adverts"
}
effect() { (($(refusals "$1") > $(<"$LAB/refusals"))); }
heal() {
	# Checks are under way at any moment: once is enough.
	LAB_POLL=0.2 wait_for 20 "what was opened to be closed" unharmed "$1"
	config_back "$1"
	local member
	for member in "${LAB_MEMBERS[@]}"; do
		signal -TERM "replay-$member"
	done
}
unharmed() { (judge_growth "$1") >"$LAB/log/growth.log" 2>&1; }
judge_growth() {
	local name pid kib files now_pid now_kib now_files
	while read -r name pid kib files && read -r _ now_pid now_kib now_files <&3; do
		echo "$name: $kib -> $now_kib KiB, $files -> $now_files descriptors"
		[[ $now_pid == "$pid" ]] || fail "$name has died"
		((now_kib - kib < GROWTH_KIB)) || fail "$name grew from $kib to $now_kib KiB"
		((now_files <= files + 2)) || fail "$name has $now_files descriptors, $files before"
	done <"$LAB/processes" 3< <(processes "$1")
}
