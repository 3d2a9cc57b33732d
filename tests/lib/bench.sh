# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Benches of the data plane: lanes side by side, each a client, a balancer and a member of its own in
# a row, with the same addresses in every lane.  A lane's spaces are client-LANE, lb-LANE, m-LANE.
#
#   client 10.20.0.100 --- 10.20.0.11 lb 10.30.0.11 --- 10.30.0.21 m
#
# What must be done outside the lab's namespaces, where the kernel's threads are visible and its
# connection table is sized, is done by a helper that the bench starts before lab_enter; it ends,
# and puts everything back, with the bench.

. "${BASH_SOURCE[0]%/*}/lab.sh"

BENCH_CLIENT=10.20.0.100
BENCH_MEMBER=10.30.0.21
BENCH_PORT=7000
BENCH_CONNTRACK=4194304

# bench_outside: before lab_enter.  Descriptor 9 is the machine's /proc, 8 the helper's ear.
bench_outside() {
	[[ -z $LAB_INSIDE ]] || return 0
	exec 9</proc 8> >(bench_helper)
}

bench_helper() {
	local verb one two max buckets
	trap '' INT TERM
	max=$(sysctl -n net.netfilter.nf_conntrack_max 2>/dev/null)
	buckets=$(sysctl -n net.netfilter.nf_conntrack_buckets 2>/dev/null)
	while read -r verb one two; do
		case $verb in
		pin) taskset -pc "$two" "$one" && renice -n -15 -p "$one" ;;
		conntrack)
			sysctl -qw net.netfilter.nf_conntrack_buckets=$((BENCH_CONNTRACK / 4)) \
				net.netfilter.nf_conntrack_max=$BENCH_CONNTRACK
			;;
		esac
	done >/dev/null 2>&1
	[[ -z $max ]] || sysctl -qw "net.netfilter.nf_conntrack_max=$max" \
		"net.netfilter.nf_conntrack_buckets=$buckets" 2>/dev/null
}

# --- lanes ------------------------------------------------------------------------------------

lane_short() { local last=${1##*_}; printf '%.3s%.3s' "$1" "$last"; }
# A lane's interfaces on the balancer; kernel threads are told apart by these names.
lane_out() { printf '%s%so' "$(lane_short "$1")" "$BENCH_TAG"; }
lane_in() { printf '%s%si' "$(lane_short "$1")" "$BENCH_TAG"; }

lane_space() {
	pp ip netns add "$1" || fail "cannot make namespaces"
	on "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
	pp ip -n "$1" link set lo up
}

# lane LANE: its spaces, wires and addresses.
lane() {
	local client=client-$1 lb=lb-$1 member=m-$1 space out in
	out=$(lane_out "$1") in=$(lane_in "$1")
	for space in "$client" "$lb" "$member"; do
		lane_space "$space"
	done
	cable "$client" eth0 "$lb" "$out"
	cable "$member" eth0 "$lb" "$in"
	pp ip -n "$client" addr add "$BENCH_CLIENT/24" dev eth0
	pp ip -n "$lb" addr add 10.20.0.11/24 dev "$out"
	pp ip -n "$lb" addr add 10.30.0.11/24 dev "$in"
	pp ip -n "$member" addr add "$BENCH_MEMBER/24" dev eth0
	pp ip -n "$client" link set eth0 up
	pp ip -n "$lb" link set "$out" up
	pp ip -n "$lb" link set "$in" up
	pp ip -n "$member" link set eth0 up
	on "$lb" sysctl -qw net.ipv4.ip_forward=1
	pp ip -n "$client" route add default via 10.20.0.11
	pp ip -n "$lb" route add 10.64.0.0/10 via "$BENCH_CLIENT"
	pp ip -n "$member" route add default via "${2:-10.30.0.11}"
}

# --- balancers --------------------------------------------------------------------------------

# nft_start LANE: DNAT with connection tracking, as a router would do it.
nft_start() {
	pp ip -n "lb-$1" addr add "$LAB_VIP/32" dev "$(lane_out "$1")"
	on "lb-$1" nft -f - <<-END
		table ip nat {
			chain prerouting {
				type nat hook prerouting priority dstnat;
				ip daddr $LAB_VIP tcp dport $BENCH_PORT dnat to $BENCH_MEMBER
			}
		}
	END
}

# cas_config LANE XDP FLOWS: $LAB/LANE/pair.conf; the second node never exists.
cas_config() {
	local dir=$LAB/$1 key other
	rm -rf "$dir"
	mkdir -p "$dir"/{run,state}
	key=$("$LAB_BUILD/pairctl" keygen lb1 --key "$dir/node.key" 2>/dev/null |
		sed -n 's/^ *public-key *//p')
	other=$("$LAB_BUILD/pairctl" keygen lb2 --key "$dir/other.key" 2>/dev/null |
		sed -n 's/^ *public-key *//p')
	cat >"$dir/pair.conf" <<-END
		format 1
		pair bench
		node lb1 { address 10.20.0.11; sync 192.168.77.1; public-key $key }
		node lb2 { address 10.20.0.12; sync 192.168.77.2; public-key $other }
		vrrp { interface $(lane_out "$1"); track-interface $(lane_in "$1"); vrid 51
		    hold-after-boot 0s }
		sync { port 7790; path sync0 }
		forwarding { interface $(lane_out "$1"), $(lane_in "$1"); $2
		    flows $3; pins 200000 }
		array bench {
		    vip $LAB_VIP
		    gateway $LAB_GATEWAY
		    service tcp { ports 6005-59530; affinity-group all; affinity-timeout 1h
		        idle-timeout 24h; check tcp { port $BENCH_PORT } }
		    member m1 { address $BENCH_MEMBER }
		}
	END
	"$LAB_BUILD/pairctl" check "$dir/pair.conf" >"$LAB/log/check-$1.log" 2>&1
}

cas_ctl() { local lane=$1; shift; "$LAB_BUILD/pairctl" --run-dir "$LAB/$lane/run" "$@"; }
cas_leads() {
	[[ $(cas_ctl "$1" -j status 2>/dev/null | "$LAB_TOP/tests/lib/field.py" vrrp.role) == active ]]
}
cas_flows() { cas_ctl "$1" -j status 2>/dev/null | "$LAB_TOP/tests/lib/field.py" lbd.flows; }

# cas_run LANE DAEMON...
cas_run() {
	local lane=$1 dir=$LAB/$1 daemon
	shift
	mkdir -p "$LAB/bpf/$lane"
	if ip -n "lb-$lane" link add sync0 type veth peer name sync1 2>/dev/null; then
		ip -n "lb-$lane" addr add 192.168.77.1/24 dev sync0
		ip -n "lb-$lane" link set sync0 up
		ip -n "lb-$lane" link set sync1 up
	fi
	for daemon; do
		spawn "$lane-$daemon" "lb-$lane" taskset -c 0 "$LAB_BUILD/$daemon" \
			--config "$dir/pair.conf" --node lb1 --run-dir "$dir/run" \
			--state-dir "$dir/state" --bpf-dir "$LAB/bpf/$lane" --key "$dir/node.key"
	done
}

# cas_start LANE: the three daemons, until they lead.
cas_start() {
	cas_run "$1" lbd syncd vrrpd
	LAB_POLL=0.1 wait_for 20 "caspair to lead in lane $1" cas_leads "$1"
}

cas_unpin() {
	on "lb-$1" "$LAB_BUILD/lbd" --detach-data-plane --bpf-dir "$LAB/bpf/$1" \
		>>"$LAB/log/$1-lbd.log" 2>&1
}

# cas_stop LANE: with all that is pinned.
cas_stop() {
	local daemon
	for daemon in vrrpd syncd lbd; do
		signal -TERM "$1-$daemon"
		wait_for 20 "$daemon of lane $1 to leave" gone "$1-$daemon"
	done
	cas_unpin "$1"
}

# --- packets ----------------------------------------------------------------------------------

packets() {
	local space=$1
	shift
	on "$space" nice -n -15 taskset -c 0 "$LAB_BUILD/tests/bench/packets" "$@"
}

# The balancer polls its interfaces in kernel threads of CPU 1; the senders are on CPU 0.
thread_of() {
	grep -ls "^napi/$1-" /proc/self/fd/9/[0-9]*/comm | sed -n 's,.*/\([0-9]*\)/comm,\1,p'
}
has_thread() { [[ -n $(thread_of "$1") ]]; }

# lane_threads LANE: after its interfaces have a program or GRO.
lane_threads() {
	local port pid
	for port in "$(lane_out "$1")" "$(lane_in "$1")"; do
		on "lb-$1" unshare --mount sh -c \
			"mount -t sysfs sysfs /sys && echo 1 >/sys/class/net/$port/threaded" ||
			fail "no threaded polling on $port"
		wait_for 5 "the thread of $port" has_thread "$port"
		pid=$(thread_of "$port")
		echo "pin $pid 1" >&8
		BENCH_THREADS[$1]+=${BENCH_THREADS[$1]:+,}/proc/self/fd/9/$pid/schedstat
	done
}

# lane_sinks LANE: both ends count.
lane_sinks() {
	local space
	for space in client m; do
		packets "$space-$1" attach object="$LAB_BUILD/tests/bench/frames.bpf.o" \
			program=bench_sink on=eth0 tally="$LAB/bpf/tally-$space-$1" ||
			fail "no counter in lane $1"
	done
}

# shoot LANE KIND PEER KEY=VALUE...: frames through a lane; one line of JSON.
shoot() {
	local lane=$1 kind=$2 peer=$3 from=client to=m port
	shift 3
	port=$(lane_out "$lane")
	if [[ $kind == synack || $kind == reply ]]; then
		from=m to=client port=$(lane_in "$lane")
	fi
	packets "$from-$lane" send object="$LAB_BUILD/tests/bench/frames.bpf.o" out=eth0 \
		to="$(mac_of "lb-$lane" "$port")" tally="$LAB/bpf/tally-$to-$lane" kind="$kind" \
		peer="$peer" thread="${BENCH_THREADS[$lane]}" "$@" || fail "lane $lane: no frames"
}
