#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/bench/sync.sh BUILD-DIR
#
# Replication: the pair and Debian's conntrackd (FTFW, over UDP; nftables does the DNAT) in one lab,
# with the same clients, members and generator.  New flows at several rates: how many of them the
# standby has 2 s later, how much later it had them, CPU time of the daemons, bytes on the cable.
# Then a standby that joins a full table, a takeover, and what the data plane's program costs with
# and without somebody who reads its events.
# Writes BUILD-DIR/bench/sync.json and prints a table.  tests/README.md says what the figures are.
#
# RATES, SECS for each, JOINS (flows), ROUNDS of the program's cost; QUICK=1 is a short run.

. "${0%/*}/../lib/bench.sh"
bench_outside
. "${0%/*}/../lib/faults.sh"
. "${0%/*}/../lib/conntrackd.sh"
[[ -x /usr/sbin/conntrackd ]] || { echo "conntrackd is missing; run tests/lib/setup.sh"; exit 77; }
lab_enter "$@"

if [[ -n $QUICK ]]; then
	RATES=${RATES:-5000 20000} SECS=${SECS:-4} JOINS=${JOINS:-50000 100000} ROUNDS=${ROUNDS:-2}
else
	RATES=${RATES:-5000 20000 50000} SECS=${SECS:-10} JOINS=${JOINS:-100000 500000 1000000}
	ROUNDS=${ROUNDS:-5}
fi
LAB_SPACES+=(ct1 ct2)
CT_VIP=10.20.0.30
OUT=$LAB_BUILD/bench
RAW=$LAB/log/raw
BEGUN=$(ms)

# --- meters -----------------------------------------------------------------------------------

# CPU time of a daemon so far, in ns.
cpu_of() { awk '{ sum += $1 } END { printf "%.0f", sum }' /proc/"$(pid_of "$1")"/task/*/schedstat; }
# And how long it has waited for a processor: on a busy machine that is most of a time by the clock.
waited_of() { awk '{ sum += $2 } END { printf "%.0f", sum }' /proc/"$(pid_of "$1")"/task/*/schedstat; }
# sent NODE-SPACE: bytes on the cable so far, headers included.
sent() { ip -n "$1" -s -j link show eth2 | "$LAB_TOP/tests/lib/field.py" 0.stats64.tx.bytes; }
json() { "$LAB_TOP/tests/lib/field.py" "$1" <"$2"; }

# begin PREFIX DAEMON...: from now on; end prints what they took since, as JSON fields.
declare -A since
meters_begin() {
	local prefix=$1 daemon
	shift
	METERED=("$@") METERED_AT=$prefix
	for daemon; do
		since[$daemon]=$(cpu_of "$daemon")
	done
	since[sent1]=$(sent "${prefix}1") since[sent2]=$(sent "${prefix}2")
}
meters_end() {
	local daemon
	for daemon in "${METERED[@]}"; do
		printf '"cpu_%s":%d,' "${daemon//-/_}" $(($(cpu_of "$daemon") - since[$daemon]))
	done
	printf '"sent":%d,"answered":%d' $(($(sent "${METERED_AT}1") - since[sent1])) \
		$(($(sent "${METERED_AT}2") - since[sent2]))
}

# offer NAME VIP COUNT RATE: new flows, until all are there.
offer() {
	on client "$LAB_BUILD/tests/flowfill" open "$2" 7001 "$3" "$LAB_CLIENTS" 64 "$4" \
		"$next_flow" >"$LAB/log/$1.out"
	[[ -s $LAB/log/$1.out ]] || fail "no flows can be offered"
	next_flow=$((next_flow + $3))
}
record() { printf '{%s}\n' "$1" >>"$RAW"; }
# Bytes as they are on a wire, not as a veth hands them over.
plain_cable() {
	local node
	for node in "${1}1" "${1}2"; do
		on "$node" ethtool -K eth2 tso off gso off gro off >/dev/null 2>&1
	done
}

# --- ours -------------------------------------------------------------------------------------

# Some fifty flows a second are watched.
watch_lag() {
	spawn lag lb2 "$LAB_BUILD/tests/flowlag" "$LAB/bpf/lb1" "$LAB/bpf/lb2" "$LAB_VIP" 7001 \
		"$LAB_CLIENTS" 64 "$2" "$next_flow" $(($1 / 50))
}
our_rate() {
	local count=$(($1 * SECS)) figures missing
	watch_lag "$1" "$count"
	meters_begin lb lb1-syncd lb2-syncd lb1-lbd lb2-lbd
	offer rate "$LAB_VIP" "$count" "$1"
	work 2000
	figures=$(meters_end)
	tables 1 2
	missing=$(told flows.missing)
	wait_for 10 "the lag to be told" gone lag
	cp "$LAB/log/lag.out" "$LAB/lag"
	record "\"kind\":\"rate\",\"who\":\"caspair\",\"rate\":$1,\"opened\":$(json opened "$LAB/log/rate.out"),
		\"ms\":$(json ms "$LAB/log/rate.out"),\"missing\":$missing,
		\"state\":\"$(field 2 sync.state)\",
		\"lag_p50_ms\":$(json p50_ms "$LAB/lag"),\"lag_p99_ms\":$(json p99_ms "$LAB/lag"),$figures"
	tail -n 3 "$RAW"
}

# From the start of syncd, by its own clock; lbd makes its tables in that time.
started_after() { field 2 sync.up_ms sync.state_ms | { read -r up past; echo $((up - past)); }; }
# From the attach until it was in sync, by its log.
joined_after() {
	awk -F'[: ]' '/replication: ATTACHING/ { at = $1 * 3600 + $2 * 60 + $3 }
		/replication: IN_SYNC/ { took = $1 * 3600 + $2 * 60 + $3 - at }
		END { printf "%.0f", took * 1000 }' "$LAB/log/lb2-syncd.log"
}

our_start_over() {
	node_power_off 2
	node_power_off 1
	node_power_on 1
	LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active
	node_power_on 2
	pair_up 1 2
}

our_join() {
	local figures
	offer fill "$LAB_VIP" $(($1 - filled)) 0
	filled=$1
	node_power_off 2
	since[before]=$(cpu_of lb1-syncd) since[waited]=$(waited_of lb1-syncd)
	node_power_on 2
	LAB_POLL=0.1 wait_for 120 "lb2 in sync" is_standby 2
	figures="\"cpu_lb1_syncd\":$(($(cpu_of lb1-syncd) - since[before])),\"cpu_lb2_syncd\":$(cpu_of lb2-syncd)"
	figures+=",\"waited_ms\":$((($(waited_of lb2-syncd) + $(waited_of lb1-syncd) - since[waited]) / 1000000))"
	tables_equal 1 2
	record "\"kind\":\"join\",\"who\":\"caspair\",\"flows\":$1,\"held\":$(told flows.left),\"ms\":$(joined_after),
		\"missing\":$(told flows.missing),\"extra\":$(told flows.extra),$figures"
	tail -n 3 "$RAW"
}

our_takeover() {
	local begun took daemon
	meters_begin lb lb2-vrrpd lb2-syncd lb2-lbd
	begun=$(us)
	pairctl 1 failover >"$LAB/log/failover.log" 2>&1 || fail "no failover: $(cat "$LAB/log/failover.log")"
	took=$(($(us) - begun))
	record "\"kind\":\"takeover\",\"who\":\"caspair\",\"flows\":$filled,\"us\":$took,$(meters_end)"
	tail -n 1 "$RAW"
}

# cost KIND: nanoseconds a run of the program, while new flows come.
our_cost() {
	spawn progcost lb1 "$LAB_BUILD/tests/progcost" "$(echo "$LAB"/bpf/lb1/*eth0)"
	offer cost "$LAB_VIP" 10000 5000
	signal -TERM progcost
	wait_for 5 "progcost to end" gone progcost
	record "\"kind\":\"cost\",\"who\":\"caspair\",\"with\":\"$1\",\"probe\":$(cat "$LAB/log/progcost.out")"
}
our_costs() {
	local i
	for ((i = 0; i < ROUNDS; i++)); do
		await_settled
		our_cost replication
		daemon_kill 1 syncd
		our_cost nobody
		daemon_start 1 syncd
		await_daemon 1 syncd
	done
	await_settled
}

our_run() {
	local rate join
	lab_config 2000000
	node_start 1
	LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active
	node_start 2
	pair_up 1 2
	plain_cable lb
	for rate in $RATES; do
		our_rate "$rate"
	done
	our_costs
	our_start_over
	filled=0
	for join in $JOINS; do
		our_join "$join"
		our_takeover
		back_to 1
	done
	node_power_off 2
	node_power_off 1
}

# --- conntrackd -------------------------------------------------------------------------------

ct_wires() {
	local i member n=0 map
	for i in 1 2; do
		port "ct$i" eth0 br-out
		port "ct$i" eth1 br-in
		pp ip -n "ct$i" addr add "10.20.0.3$i/24" dev eth0
		pp ip -n "ct$i" addr add "10.30.0.3$i/24" dev eth1
		on "ct$i" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0 \
			net.netfilter.nf_conntrack_timestamp=1
	done
	cable ct1 eth2 ct2 eth2
	for i in 1 2; do
		pp ip -n "ct$i" addr add "192.168.78.$i/24" dev eth2
		pp ip -n "ct$i" link set eth2 up
		for member in "${LAB_MEMBERS[@]}"; do
			map+="${map:+, }$((n++)) : 10.30.0.$((20 + n))"
		done
		on "ct$i" nft -f - <<-END || fail "nft refuses"
			table ip nat {
			    chain prerouting {
			        type nat hook prerouting priority dstnat;
			        ip daddr $CT_VIP tcp dport 7001 dnat to numgen inc mod $n map { $map }
			    }
			}
		END
		n=0 map=''
	done
	plain_cable ct
	pp ip -n ct1 addr add "$CT_VIP/32" dev eth0
}

# ct_config NODE MODE: `cache` as it comes, `kernel` without the external cache.
ct_config() {
	local words=''
	[[ $2 != kernel ]] || words='DisableExternalCache On'
	conntrackd_config "$LAB/ct$1" "192.168.78.$1" "192.168.78.$((3 - $1))" "$words"
}

ct_ctl() { on "ct$1" conntrackd -C "$LAB/ct$1.conf" "$2" 2>/dev/null; }
ct_answers() { ct_ctl "$1" -s >/dev/null; }
ct_start() {
	ct_config "$1" "$2"
	spawn "ct$1-daemon" "ct$1" conntrackd -C "$LAB/ct$1.conf"
	LAB_POLL=0.1 wait_for 10 "conntrackd of ct$1" ct_answers "$1"
}
ct_stop() {
	signal -TERM "ct$1-daemon"
	wait_for 20 "conntrackd of ct$1 to end" gone "ct$1-daemon"
	rm -f "$LAB/ct$1.lock" "$LAB/ct$1.ctl"
}
ct_flush() { on "ct$1" conntrack -F >/dev/null 2>&1; }

# ct_holds NODE MODE: flows of the peer that it has.
ct_holds() {
	if [[ $2 == kernel ]]; then
		on "ct$1" conntrack -C 2>/dev/null
	else
		ct_ctl "$1" -s | awk '/^cache external/ { here = 1 }
			here && /current active connections/ { print $NF; exit }'
	fi
}

# Until nothing comes any more: the milliseconds of the last change, from `begun` on.
ct_calm() {
	local begun=$1 mode=$2 now had=-1 changed=0
	while now=$(ct_holds 2 "$mode"); (($(ms) - begun - changed < 1500)); do
		[[ $now == "$had" ]] || changed=$(($(ms) - begun))
		had=$now
		sleep 0.02
	done
	echo "$changed"
}

ct_rate() {
	local rate=$1 mode=$2 count=$(($1 * SECS)) figures held
	ct_start 1 "$mode"
	ct_start 2 "$mode"
	meters_begin ct ct1-daemon ct2-daemon
	offer rate "$CT_VIP" "$count" "$rate"
	work 2000
	figures=$(meters_end)
	held=$(ct_holds 2 "$mode")
	if [[ $mode == kernel ]] && "$LAB_BUILD/tests/ctlag" /run/netns/ct1 /run/netns/ct2 7001 >"$LAB/lag"; then
		figures+=",\"lag_p50_ms\":$(json p50_ms "$LAB/lag"),\"lag_p99_ms\":$(json p99_ms "$LAB/lag")"
	fi
	record "\"kind\":\"rate\",\"who\":\"conntrackd-$mode\",\"rate\":$rate,
		\"opened\":$(json opened "$LAB/log/rate.out"),\"ms\":$(json ms "$LAB/log/rate.out"),
		\"missing\":$((count > held ? count - held : 0)),$figures"
	tail -n 2 "$RAW"
	ct_clean
}
ct_clean() {
	local node
	for node in 1 2; do
		gone "ct$node-daemon" || ct_stop "$node"
		ct_flush "$node"
	done
}

ct_join() {
	local flows=$1 mode=$2 begun took
	ct_start 1 "$mode"
	offer fill "$CT_VIP" "$flows" 0
	ct_start 2 "$mode"
	begun=$(ms)
	ct_ctl 2 -n >/dev/null
	took=$(ct_calm "$begun" "$mode")
	record "\"kind\":\"join\",\"who\":\"conntrackd-$mode\",\"flows\":$flows,\"ms\":$took,
		\"missing\":$((flows - $(ct_holds 2 "$mode")))"
	begun=$(us)
	[[ $mode == kernel ]] || ct_ctl 2 -c >/dev/null
	record "\"kind\":\"takeover\",\"who\":\"conntrackd-$mode\",\"flows\":$flows,\"us\":$(($(us) - begun))"
	tail -n 3 "$RAW"
	ct_clean
}

ct_run() {
	local mode rate join member
	ct_wires
	echo conntrack >&8
	for member in "${LAB_MEMBERS[@]}"; do
		pp ip -n "$member" route replace default via 10.30.0.31
	done
	for mode in cache kernel; do
		next_flow=0 # nothing here has seen any of them
		for rate in $RATES; do
			ct_rate "$rate" "$mode"
		done
		# More does not come through its queue, and takes minutes to say so.
		for join in $JOINS; do
			((join > 500000)) || ct_join "$join" "$mode"
		done
	done
}

# --- all --------------------------------------------------------------------------------------

mkdir -p "$OUT"
: >"$RAW"
lab_wires
lab_members
flows_prepare
our_run
ct_run
cp "$RAW" "$OUT/sync.raw"
"$LAB_TOP/tests/bench/sync.py" "$RAW" "$OUT" $(($(ms) - BEGUN))
