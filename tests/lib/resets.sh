# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Members that die with silent clients on them, and what those hear of it; sourced after pair.sh.
# FLOWS and OTHERS are set by the test: clients of the member that dies, and of each other one;
# OPENED too, if not so many may begin in a second as can.  RESETS_VIP and RESETS_SOURCE are whom the
# clients speak to, and the first of their 60 addresses.

RESET_RATE=500
RESETS_VIP=$LAB_VIP
RESETS_SOURCE=10.20.0.100
FALL_MS=2000 # three probes each 500 ms, and the last one's timeout

# resets_config: sessions of a dead member are reset, at the array's pace.
resets_config() {
	sed -i -e "s/ports 700[01]; /&on-member-down reset; /" \
		-e "s/^array lab {/&\\n    reset-rate $RESET_RATE/" "$LAB/pair.conf"
}

# The second service of the affinity group.
resets_serve() {
	local space
	for space in "${LAB_MEMBERS[@]}"; do
		spawn "chat-$space-$1" "$space" "$LAB_BUILD/tests/chat" serve "$space" "$1"
		wait_for 5 "chat server $1" on "$space" sh -c "ss -Hltn sport = $1 | grep -q ."
	done
}

counter() { pairctl "$1" -j status | "$LAB_TOP/tests/lib/field.py" lbd.counter |
	grep -o "'name': '$2', 'value': [0-9]*" | grep -o "[0-9]*$"; }
total() { chat_total "$1" "${@:2}"; }
opened() { grep -q '"event":"open"' "$LAB/log/$1.out" || gone "$1"; }
# All links of a member, for it may have one of its own to the clients.
switch_member() {
	local port
	for port in eth0 eth1; do
		! ip -n switch link show "$1-$port" >/dev/null 2>&1 ||
			pp ip -n switch link set "$1-$port" "$2"
	done
}
cut_member() { switch_member "$1" down; }
mend_member() { switch_member "$1" up; }

all_are() { (($(pairctl 1 -j members | grep -o "\"state\":\"$1\"" | wc -l) == 3)); }

# clients NAME MEMBER COUNT: opens them.
clients() {
	spawn "$1" client "$LAB_TOP/tests/lib/silent.py" "$RESETS_VIP" "$RESETS_SOURCE" 60 7000,7001 "$2" \
		"$3" "$OTHERS" ${OPENED:+"$OPENED"}
	wait_for 60 "$1: sessions to open" opened "$1"
	say "$1: $(grep '"event":"open"' "$LAB/log/$1.out")"
}
seen() { awk -F'"count":' '/"event":"reset"/ { n += $2 } END { print n + 0 }' "$LAB/log/$1.out"; }
all_seen() { (($(seen "$1") >= $2)); }

# verdict NAME MEMBER COUNT CUT: what the clients have seen, against what they should.
verdict() {
	local name=$1 member=$2 count=$3 cut=$4 took since
	wait_for $((count / RESET_RATE + 15)) "$name: $count resets" all_seen "$name" "$count"
	work 1500
	signal -TERM "$name"
	wait_for 10 "$name to end" gone "$name"
	say "$name: $(grep '"event":"total"' "$LAB/log/$name.out")"
	[[ $(total "$name" resets waiting twice torn) == "$count 0 0 0" ]] ||
		fail "$name: resets, waiting, reset twice, torn: $(total "$name" resets waiting twice torn)"
	[[ $(total "$name" ends) == *"$member ECONNRESET"* && $(total "$name" ends) != *,* ]] ||
		fail "$name: other ends: $(total "$name" ends)"
	read -r since took < <(total "$name" first last |
		awk -v cut="$cut" '{ printf "%d %d\n", $1 - cut, $2 - $1 }')
	say "$name: the first reset came $since ms after the cut, the last $took ms later:" \
		"$((count * 1000 / (took > 0 ? took : 1)))/s"
	((since <= FALL_MS + 5000)) || fail "$name: the first reset took $since ms"
	((took >= count * 1000 / RESET_RATE * 9 / 10)) || fail "$name: $count resets in $took ms"
	# Who could not be reached at first, for his neighbour entry was missing, is told 2 s later.
	((took <= count * 1000 / RESET_RATE * 13 / 10 + 5000)) ||
		fail "$name: $count resets in $took ms"
}

# member_dies NAME MEMBER: with FLOWS clients on it, of which the active node knows all.
member_dies() {
	local cut
	cut=$(ms)
	cut_member "$2"
	verdict "$1" "$2" "$FLOWS" "$cut"
}

# resets_over_v6: clients speak to the VIP over IPv6; to be called when the wires are there.
resets_over_v6() {
	local i
	RESETS_VIP=$LAB_VIP6
	RESETS_SOURCE=2001:db8:20::200
	for ((i = 0x200; i < 0x200 + 60; i++)); do
		pp ip -n client addr add "$(printf '2001:db8:20::%x/64' "$i")" dev eth0 nodad
	done
}

# members_die: one under the node that has seen the sessions begin; in the full size another under its
# follower, which has old numbers.  lb1 leads, and lb2 is off.
members_die() {
	clients dead m1 "$FLOWS"
	member_dies dead m1
	((FLOWS >= 1000)) || return 0
	mend_member m1
	wait_for 10 "m1 to be up" all_are up
	node_power_on 2
	pair_up 1 2
	clients stale m2 "$FLOWS"
	LAB_POLL=0.1 wait_for 20 "lb2 to know all sessions" knows_flows 2 $((FLOWS + 2 * OTHERS))
	node_power_off 1
	LAB_POLL=0.1 wait_for 10 "lb2 active" has_role 2 active
	member_dies stale m2
}
