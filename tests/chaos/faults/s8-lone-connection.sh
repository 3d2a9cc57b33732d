# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Nobody else comes meanwhile: one connection that follows no other must not wait for company.  They
# are segments without sockets, of which kernels know nothing, so that no close comes in between.
id=S8
title="single connections, and how long until the standby has them"
touches="all"
hold_ms=100
dark_ms=5
stays=1
LONE_PORT=6010 LONE=20

deaf_there() {
	on "$1" nft -f - <<-END || fail "nft refuses"
		table ip lone
		delete table ip lone
		table ip lone {
		    chain input { type filter hook input priority 0; tcp $2 $LONE_PORT drop; }
		}
	END
}
prepare() {
	local member
	deaf_there client sport
	for member in "${LAB_MEMBERS[@]}"; do
		deaf_there "$member" dport
		lives "lone-$member" ||
			spawn "lone-$member" "$member" "$LAB_BUILD/tests/flowfill" answer "$LONE_PORT"
	done
}
inject() {
	local first
	first=$(cat "$LAB/s8-next" 2>/dev/null || echo 0)
	echo $((first + LONE)) >"$LAB/s8-next"
	signal -STOP fresh
	signal -STOP probe
	work 300
	spawn lag "lb$2" "$LAB_BUILD/tests/flowlag" "$LAB/bpf/lb$1" "$LAB/bpf/lb$2" "$LAB_VIP" \
		"$LONE_PORT" "$LAB_CLIENTS" 64 "$LONE" "$first" 1
	work 300
	on client "$LAB_BUILD/tests/flowfill" open "$LAB_VIP" "$LONE_PORT" "$LONE" "$LAB_CLIENTS" 64 4 \
		"$first" >"$LAB/log/lone.out"
}
heal() {
	wait_for 30 "the lag to be told" gone lag
	signal -CONT fresh
	signal -CONT probe
}
# It needs a quiet machine to be judged by.
check() {
	local flows p50 longest
	cat "$LAB/log/lag.out"
	read -r flows p50 longest < <("$LAB_TOP/tests/lib/field.py" flows p50_ms max_ms <"$LAB/log/lag.out")
	((flows >= LONE / 2)) || fail "only $flows of $LONE connections were seen to come"
	((${p50%.*} < 2 && ${longest%.*} < 20)) && return
	say "a lone connection is there after $p50 ms, $longest ms at most"
	[[ -n $TIMES ]] || fail "a lone connection is there after $p50 ms, $longest ms at most"
}
