#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/bench/dataplane.sh BUILD-DIR
#
# The data plane beside what else could stand in its place, on one machine, turn by turn:
#
#   packets	live frames through native XDP on veth, the sender on CPU 0, the balancer's kernel
#		threads on CPU 1; what counts is their CPU time for a frame, so that other load on the
#		machine matters little.  Lanes: a bare redirecting program, one that reads the frame
#		before it redirects, one that reads a line of memory of the flow's own besides, one that
#		does a look-up in the kernel's hash instead (limits of what keeps flows so), a program of
#		Katran's structure, the kernel's routing, nftables DNAT with connection tracking, caspair.
#   program	the programs alone, by the kernel's test run
#   memory	bytes a flow
#   sockets	real TCP through caspair (tc and XDP), nftables, HAProxy and plain routing
#
# Writes BUILD-DIR/bench/dataplane.json and dataplane.svg and prints a table.  QUICK=1 takes under two
# minutes; ROUNDS (7), PARTS pick more or less.

. "${0%/*}/../lib/bench.sh"
bench_outside
lab_enter "$@"

QUICK=${QUICK:-}
ROUNDS=${ROUNDS:-$([[ -n $QUICK ]] && echo 3 || echo 7)}
PARTS=${PARTS:-packets program memory sockets}
OUT=$LAB_BUILD/bench
RAW=$LAB/log/raw
BEGUN=$(ms)
BENCH_TAG=$(printf '%04x' $RANDOM)
declare -A BENCH_THREADS

VIP=$LAB_VIP:$BENCH_PORT
REAL=$BENCH_MEMBER:$BENCH_PORT
MANY=1048576         # flows
SCATTER=2654435761   # odd: visits them in an order that no cache foresees
CHUNK=32768          # handshakes under way at once
FRESH=$((2 * MANY))  # number of the first flow that nobody has seen yet
LANES=(bare reading line lookup katran_like routing nft caspair)

has_part() { [[ " $PARTS " == *" $1 "* ]]; }

# note PART CASE LANE JSON: one line of the record.
note() { printf '{"part":"%s","case":"%s","lane":"%s","result":%s}\n' "$@" >>"$RAW"; }

peer_of() { if [[ $1 == routing ]]; then echo "$REAL"; else echo "$VIP"; fi; }
# Frames for a tenth of a second or so.
frames_of() { if [[ $1 == nft || $1 == routing ]]; then echo 65536; else echo 262144; fi; }

# --- packets ----------------------------------------------------------------------------------

lane_forward() {
	packets "lb-$1" attach object="$LAB_BUILD/tests/bench/frames.bpf.o" program=bench_bare \
		on="$2" out="$3" to="$(mac_of "$4" eth0)" || fail "no forwarder in lane $1"
}

start_bare() {
	lane_forward "$1" "$(lane_out "$1")" "$(lane_in "$1")" "m-$1"
	lane_forward "$1" "$(lane_in "$1")" "$(lane_out "$1")" "client-$1"
}

start_reading() {
	packets "lb-$1" attach object="$LAB_BUILD/tests/bench/frames.bpf.o" program=bench_reading \
		on="$(lane_out "$1")" out="$(lane_in "$1")" to="$(mac_of "m-$1" eth0)" ||
		fail "no program that reads"
	lane_forward "$1" "$(lane_in "$1")" "$(lane_out "$1")" "client-$1"
}

start_lookup() {
	packets "lb-$1" attach object="$LAB_BUILD/tests/bench/lookup.bpf.o" program="bench_$1" \
		on="$(lane_out "$1")" out="$(lane_in "$1")" to="$(mac_of "m-$1" eth0)" \
		vip="$VIP" flows="$MANY" || fail "no program that looks up"
	lane_forward "$1" "$(lane_in "$1")" "$(lane_out "$1")" "client-$1"
}

start_line() { start_lookup "$1"; }

start_katran_like() {
	packets "lb-$1" attach object="$LAB_BUILD/tests/bench/katranlike.bpf.o" \
		program=katran_like on="$(lane_out "$1")" out="$(lane_in "$1")" \
		to="$(mac_of "m-$1" eth0)" vip="$VIP" real="$BENCH_MEMBER" flows="$MANY" ||
		fail "no Katran-like program"
	lane_forward "$1" "$(lane_in "$1")" "$(lane_out "$1")" "client-$1"
}

# Without a program the kernel's own path needs GRO to poll a veth; a pass program costs it less.
start_kernel() {
	local port
	for port in "$(lane_out "$1")" "$(lane_in "$1")"; do
		packets "lb-$1" attach object="$LAB_BUILD/tests/bench/frames.bpf.o" \
			program=bench_pass on="$port" || fail "no pass program"
	done
}
start_routing() { start_kernel "$1"; }
start_nft() { start_kernel "$1" && nft_start "$1"; }

start_caspair() {
	cas_config "$1" "xdp native" 2097152 || { cat "$LAB/log/check-$1.log"; fail "configuration"; }
	spawn "serve-$1" "m-$1" "$LAB_BUILD/tests/bench/load" serve "$BENCH_PORT"
	cas_start "$1"
}

packets_start() {
	local lane
	echo conntrack >&8
	for lane in "${LANES[@]}"; do
		if [[ $lane == caspair ]]; then lane "$lane" "$LAB_GATEWAY"; else lane "$lane"; fi
		lane_sinks "$lane"
		"start_$lane" "$lane"
		lane_threads "$lane"
	done
}

# handshakes LANE FIRST COUNT: three lines.
handshakes() {
	local lane=$1 range=(first="$2" flows="$3" count="$3")
	shoot "$lane" syn "$VIP" "${range[@]}"
	shoot "$lane" synack "$REAL" "${range[@]}"
	shoot "$lane" ack "$VIP" "${range[@]}"
}

packets_fill() {
	local first
	handshakes nft 0 "$MANY" >/dev/null
	for ((first = 0; first < MANY; first += CHUNK)); do
		handshakes caspair "$first" "$CHUNK" >/dev/null
	done
	say "filled: $(cas_flows caspair) flows in caspair," \
		"$(on lb-nft sysctl -n net.netfilter.nf_conntrack_count) in nftables' table"
}

# turn CASE KIND KEY=VALUE...: each lane once.
turn() {
	local case=$1 kind=$2 lane
	shift 2
	for lane in "${LANES[@]}"; do
		note packets "$case" "$lane" "$(shoot "$lane" "$kind" "$(peer_of "$lane")" \
			count="$(frames_of "$lane")" "$@")"
	done
}

turn_replies() {
	local lane peer
	for lane in bare nft caspair; do
		note packets reply "$lane" "$(shoot "$lane" reply "$REAL" \
			count="$(frames_of "$lane")")"
	done
}

# Connections that nobody has seen: by their SYN alone, then whole.
turn_new() {
	local lane line
	for lane in "${LANES[@]}"; do
		note packets syn "$lane" "$(shoot "$lane" syn "$(peer_of "$lane")" \
			first="$FRESH" flows="$CHUNK" count="$CHUNK")"
	done
	FRESH=$((FRESH + CHUNK))
	for lane in nft caspair; do
		while read -r line; do
			note packets connect "$lane" "$line"
		done < <(handshakes "$lane" "$FRESH" "$CHUNK")
	done
	FRESH=$((FRESH + CHUNK))
}

part_packets() {
	local i
	packets_fill
	turn warm ack flows=1
	for ((i = 0; i < ROUNDS; i++)); do
		turn one ack flows=1
		turn many ack flows="$MANY" stride="$SCATTER"
		turn_replies
		turn_new
	done
}

# --- program ----------------------------------------------------------------------------------

alone() {
	local case=$1 lane=$2
	shift 2
	note program "$case" "$lane" "$(packets "lb-$lane" again \
		object="$LAB_BUILD/tests/bench/frames.bpf.o" on="$(lane_out "$lane")" \
		to="$(mac_of "lb-$lane" "$(lane_out "$lane")")" peer="$VIP" "$@")"
}

part_program() {
	local i lane
	for ((i = 0; i < ROUNDS; i++)); do
		for lane in bare reading line lookup katran_like caspair; do
			alone one "$lane" kind=ack flows=1 count=1000000
			alone many "$lane" kind=ack flows="$MANY" stride="$SCATTER" count=1000000
			alone syn "$lane" kind=syn first="$FRESH" flows="$CHUNK" count="$CHUNK"
		done
		FRESH=$((FRESH + CHUNK))
	done
}

# --- memory -----------------------------------------------------------------------------------

pinned_bytes() {
	local map
	for map; do
		bpftool -j map show pinned "$map" 2>/dev/null |
			"$LAB_TOP/tests/lib/field.py" bytes_memlock
	done | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

part_memory() {
	local flows pins=$LAB/bpf/memory
	lane memory
	for flows in 1000000 10000000; do
		cas_config memory "xdp native" "$flows" || fail "configuration"
		cas_run memory lbd
		wait_for 60 "a table of $flows flows" test -S "$LAB/memory/run/lbd.sock"
		wait_for 60 "a table of $flows flows" test -e "$pins/link-$(lane_in memory)"
		note memory "$flows" caspair "{\"flows_bytes\":$(pinned_bytes "$pins"/flow*),\
\"all_bytes\":$(pinned_bytes "$pins"/[!l]* "$pins/lost" "$pins/lease")}"
		signal -TERM memory-lbd
		wait_for 20 "lbd to leave" gone memory-lbd
		cas_unpin memory
	done
}

main() {
	mkdir -p "$OUT"
	: >"$RAW"
	if has_part packets || has_part program; then
		packets_start
	fi
	if has_part packets; then
		part_packets
	fi
	if has_part program; then
		part_program
	fi
	if has_part packets || has_part program; then
		cas_stop caspair
	fi
	if has_part memory; then
		part_memory
	fi
	if has_part sockets; then
		. "$LAB_TOP/tests/lib/bench_sockets.sh"
		part_sockets
	fi
	cp "$RAW" "$OUT/dataplane.raw"
	"$LAB_TOP/tests/bench/dataplane.py" "$RAW" "$OUT" $(($(ms) - BEGUN))
}

main
