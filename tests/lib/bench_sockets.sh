# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The part of the data plane's bench that uses real sockets; tests/bench/dataplane.sh sources it.

SECONDS_EACH=${SECONDS_EACH:-$([[ -n $QUICK ]] && echo 0.5 || echo 1)}
SOCKET_ROUNDS=${SOCKET_ROUNDS:-$([[ -n $QUICK ]] && echo 2 || echo 5)}
SOCKET_LANES=()

# The far ends of the balancer's wires, for XDP: complete checksums and an end that polls.
finish_sums() {
	local space
	for space in "client-$1" "m-$1"; do
		on "$space" ethtool -K eth0 tx off gro on >/dev/null 2>&1
	done
}

# socket_lane LANE [GATEWAY]
socket_lane() {
	lane "$@"
	on "client-$1" sysctl -qw net.ipv4.ip_local_port_range="10000 65000"
	on "lb-$1" sysctl -qw net.ipv4.ip_local_port_range="10000 65000"
	spawn "serve-$1" "m-$1" "$LAB_BUILD/tests/bench/load" serve "$BENCH_PORT"
	SOCKET_LANES+=("$1")
}

# socket_caspair LANE FORWARDING-WORDS
socket_caspair() {
	cas_config "$1" "$2" 200000 || fail "configuration"
	socket_lane "$1" "$LAB_GATEWAY"
	[[ $2 == *tc* ]] || finish_sums "$1"
	cas_start "$1"
}

socket_haproxy() {
	if [[ ! -x /usr/sbin/haproxy ]]; then
		say "skipped: HAProxy is not installed; run tests/lib/setup.sh"
		return
	fi
	socket_lane haproxy
	pp ip -n lb-haproxy addr add "$LAB_VIP/32" dev "$(lane_out haproxy)"
	cat >"$LAB/haproxy.cfg" <<-END
		global
		    maxconn 5000
		defaults
		    mode tcp
		    timeout connect 5s
		    timeout client 1h
		    timeout server 1h
		frontend bench
		    bind $LAB_VIP:$BENCH_PORT
		    default_backend members
		backend members
		    server m1 $BENCH_MEMBER:$BENCH_PORT
	END
	spawn haproxy lb-haproxy /usr/sbin/haproxy -db -f "$LAB/haproxy.cfg"
}

socket_start() {
	socket_lane direct
	socket_lane nft_tcp
	nft_start nft_tcp
	socket_haproxy
	if [[ ! -e /proc/net/ip_vs ]]; then
		say "skipped: IPVS is not in this kernel"
	fi
	if cas_config caspair_tc "hook tc" 200000; then
		socket_caspair caspair_tc "hook tc"
	else
		say "skipped: this caspair has no tc hook"
	fi
	socket_caspair caspair_generic "xdp generic"
	socket_caspair caspair_native "xdp native"
}

answers() { on "client-$1" "$LAB_BUILD/tests/bench/load" connects "$2" "$BENCH_PORT" 0.05 1; }

# measure LANE CASE KIND SECONDS CLIENTS
measure() {
	local result address=$LAB_VIP
	[[ $1 != direct ]] || address=$BENCH_MEMBER
	result=$(on "client-$1" "$LAB_BUILD/tests/bench/load" "$3" "$address" "$BENCH_PORT" "$4" "$5") ||
		say "lane $1: $3: $result"
	[[ -z $result ]] || note sockets "$2" "$1" "$result"
}

part_sockets() {
	local i lane address
	socket_start
	for lane in "${SOCKET_LANES[@]}"; do
		address=$LAB_VIP
		[[ $lane != direct ]] || address=$BENCH_MEMBER
		wait_for 20 "answers through lane $lane" answers "$lane" "$address"
	done
	for ((i = 0; i < SOCKET_ROUNDS; i++)); do
		for lane in "${SOCKET_LANES[@]}"; do
			measure "$lane" down down "$SECONDS_EACH" 1
			measure "$lane" up up "$SECONDS_EACH" 1
			measure "$lane" requests requests "$SECONDS_EACH" 32
			measure "$lane" connects connects "$SECONDS_EACH" 32
			measure "$lane" latency connects 0.3 1
		done
	done
}
