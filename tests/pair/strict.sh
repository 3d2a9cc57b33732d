#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Strict services: no connection that a client saw established is lost when the active node dies,
# KILLS (4) times at random moments under RATE (1000) new connections a second.  SEED repeats the
# moments; HOW=prefer or async asks for less (async is to lose some), MODE=snat or dsr has it in that
# mode, V6=1 over IPv6; CONNECTS=0 leaves out what it costs.  Without lbd new connections are slower,
# and come to be.  `make strict KILLS=100` is the full size.
#
# What the new active node has no record of it resets (`unknown reset`): nothing here is saved by
# choosing the same member again.  Prints what connect() takes beside that of an asynchronous
# service, and the round trip of the channel; BUILD-DIR/strict/report.json has the figures.

# A machine that stands still for a second is not to part the pair: alone, nobody is waited for.
LAB_PEER_TIMEOUT=${LAB_PEER_TIMEOUT:-3s}
LAB_V6=$V6
. "${0%/*}/../lib/pair.sh"
[[ $MODE != dsr ]] || . "${0%/*}/../lib/modes.sh"
lab_enter "$@"

kills=${KILLS:-4} rate=${RATE:-1000} how=${HOW:-require} connects=${CONNECTS:-300}
RANDOM=${SEED:-$(($(ms) % 32768))}
target=$LAB_VIP sources=10.20.0.100
[[ -z $V6 ]] || target=$LAB_VIP6 sources=2001:db8:20::200
say "SEED=$RANDOM HOW=$how MODE=${MODE:-nat} to $target"

other() { echo $((3 - $1)); }
any_pair() { pair_is 1 2 || pair_is 2 1; }
active() { has_role 1 active && echo 1 || echo 2; }
counter() { pairctl "$1" -j status 2>/dev/null | "$LAB_TOP/tests/lib/counter.py" "$2"; }

# Two services at the members' chat servers: 7000 is strict, 7001 is not.
strict_config() {
	sed -i -e "s/ports 7000; affinity-group chat;/& replicate $how; unknown reset;/" \
		-e 's/flows 20000/flows 100000/' "$LAB/pair.conf"
	[[ -z $MODE ]] || sed -i "s/^    vip .*/&\n    mode $MODE/" "$LAB/pair.conf"
	[[ $MODE != dsr ]] || sed -i '/^    gateway /d' "$LAB/pair.conf"
	[[ $MODE != snat ]] ||
		sed -i "s/^    mode snat/&; snat-pool 10.30.0.200-10.30.0.203${V6:+, 2001:db8:30::200}/" "$LAB/pair.conf"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration has faults"; }
}
# What the lab lacks for this mode and this family.
strict_wires() {
	local i
	for ((i = 0; i < 64; i++)); do
		[[ -z $V6 ]] || printf 'addr add 2001:db8:20::%x/64 dev eth0 nodad\n' $((0x200 + i))
	done | ip -n client -batch -
	for i in "${!LAB_MEMBERS[@]}"; do
		[[ $MODE != dsr ]] ||
			member_answers_directly "${LAB_MEMBERS[i]}" $((21 + i)) "$LAB_VIP" "$LAB_VIP6"
	done
}
second_servers() {
	local member
	for member in "${LAB_MEMBERS[@]}"; do
		spawn "bulk-$member" "$member" "$LAB_BUILD/tests/chat" serve "$member" 7001
	done
}

# --- what it costs ------------------------------------------------------------------------------

connect_time() {
	on client "$LAB_BUILD/tests/fresh" time "$target" "$1" "$sources" "$connects" \
		>>"$LAB/log/time-$1.out" || fail "no connection to port $1: $(cat "$LAB/log/time-$1.out")"
}
beat() { field 1 sync.beat_ms >>"$LAB/log/beats.out"; }
compare_times() {
	local round
	for round in 1 2 3 4; do
		connect_time 7001
		beat
		connect_time 7000
		beat
	done
	mkdir -p "$LAB_BUILD/strict"
	"$LAB_TOP/tests/lib/strict_report.py" "$LAB/log" "$LAB_BUILD/strict/report.json" "$how"
}

# --- without lbd ------------------------------------------------------------------------------------

# What waited goes when TCP repeats it, a second later.
lbd_dies() {
	local node made
	node=$(active)
	daemon_kill "$node" lbd
	on client "$LAB_BUILD/tests/fresh" time "$target" 7000 "$sources" 3 >"$LAB/log/unread.out"
	made=$("$LAB_TOP/tests/lib/field.py" connections <"$LAB/log/unread.out")
	daemon_start "$node" lbd
	await_daemon "$node" lbd
	[[ $made == 3 ]] || fail "without lbd only $made of 3 connections came to be"
	say "without lbd: $(cat "$LAB/log/unread.out")"
	LAB_POLL=0.1 wait_for 20 "both nodes to be a pair again" any_pair
}
# --- strangers -----------------------------------------------------------------------------------

# What was recorded at a SYN and came to nothing goes soon, and nobody is told: its sender is not who
# he says.  The members' answers keep an entry, so they give up soon.
strangers_went() { (($(counter "$1" expired_begun) >= $2)); }
strangers_go() {
	local node member begun resets
	node=$(active)
	begun=$(counter "$node" expired_begun) resets=$(counter "$node" reset_flows)
	for member in "${LAB_MEMBERS[@]}"; do
		on "$member" sysctl -qw net.ipv4.tcp_synack_retries=1
	done
	on client "$LAB_BUILD/tests/flood" syn eth0 "$(mac_of "lb$node" eth0)" 7000 200 1000 \
		"$LAB_VIP" >"$LAB/log/flood.out" || fail "no flood"
	wait_for 40 "the strangers' flows to go" strangers_went "$node" $((begun + 200))
	resets=$(($(counter "$node" reset_flows) - resets))
	((resets == 0)) || fail "$resets resets were sent to strangers"
	for member in "${LAB_MEMBERS[@]}"; do
		on "$member" sysctl -qw net.ipv4.tcp_synack_retries=5
	done
	say "200 flows of strangers went in silence"
}

# --- deaths --------------------------------------------------------------------------------------

# kill_one NUMBER: of a pair that is in sync.
kill_one() {
	local from to
	from=$(active)
	to=$(other "$from")
	work $((RANDOM % 400))
	node_power_off "$from"
	LAB_POLL=0.02 wait_for 20 "lb$to to take over" has_role "$to" active
	lives fresh || fail "fresh has ended: $(tail -3 "$LAB/log/fresh.out" "$LAB/log/fresh.log")"
	node_power_on "$from"
	pair_up "$to" "$from"
	say "kill $1: lb$from; lost so far: $(grep -c '"lost"' "$LAB/log/fresh.out")"
}

lab_wires
strict_wires
lab_members
second_servers
lab_config
strict_config
pair_begin
((connects == 0)) || compare_times
lbd_dies
[[ -n $MODE$V6 || $how == async ]] || strangers_go
spawn fresh client "$LAB_BUILD/tests/fresh" burst "$target" 7000 "$sources" 60 "$rate"
work 300
held=$(counter "$(active)" strict_held)
((held > 0)) || [[ $how == async ]] || fail "nothing was ever held"
for ((kill = 1; kill <= kills; kill++)); do
	kill_one "$kill"
done
signal -TERM fresh
wait_for 40 "fresh to end" gone fresh
total=$(grep '"total"' "$LAB/log/fresh.out")
say "$total"
[[ $total == *'"lost":0,'* ]] || fail "connections were lost that their clients had seen established"
[[ $total == *'"answered":0,'* ]] && fail "no connection was ever answered"
exit 0
