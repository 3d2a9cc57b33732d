# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Nobody else comes meanwhile: one connection that follows no other must not wait for company.
id=S8
title="single connections, and how long until the standby has them"
touches="all"
hold_ms=100
dark_ms=5
stays=1

inject() {
	local begun lag p50 longest
	signal -STOP fresh
	signal -STOP probe
	work 300
	begun=$(ms)
	on client "$LAB_TOP/tests/lib/knock.py" "$LAB_VIP" "$FRESH_FROM" "$FRESH_SOURCES" 250 7000 \
		>"$LAB/log/lone.out" || fail "no answer"
	work 200
	lag=$("$LAB_BUILD/tests/tables" lag "$LAB/bpf/lb$1" "$LAB/bpf/lb$2" $(($(ms) - begun)))
	echo "$lag" >"$LAB/s8-lag"
}
heal() {
	signal -CONT fresh
	signal -CONT probe
}
# It needs a quiet machine to be judged by.
check() {
	local flows p50 longest
	read -r flows p50 longest < <("$LAB_TOP/tests/lib/field.py" flows p50_ms max_ms <"$LAB/s8-lag")
	((flows >= FRESH_SOURCES)) || fail "only $flows connections are on both nodes"
	((${p50%.*} <= 2 && ${longest%.*} <= 20)) && return
	say "a lone connection is there after $p50 ms, $longest ms at most"
	[[ -n $TIMES ]] || fail "a lone connection is there after $p50 ms, $longest ms at most"
}
