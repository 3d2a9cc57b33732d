#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A member dies without a word: each of its clients, though it waits in a read, is told by a reset
# at the array's pace, and comes back to another member with its whole affinity group; the others
# see nothing.  The same after a takeover, whose records have old numbers, and for who is silent for
# too long.
#
# FLOWS=5000 is the full size.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

FLOWS=${FLOWS:-1000} OTHERS=100 RATE=500
FALL_MS=2000 # three probes each 500 ms, and the last one's timeout

eval "$(declare -f lab_config | sed '1s/lab_config/plain_config/')"
lab_config() {
	plain_config "$@"
	sed -i -e "s/ports 700[01]; /&on-member-down reset; /" \
		-e "s/7002-59530/7003-59530/" \
		-e "/service bulk/i\\    service quick { ports 7002; idle-timeout 3s; check tcp { interval 500ms; timeout 400ms } }" \
		-e "s/^ *gateway .*/&\\n    reset-rate $RATE/" "$LAB/pair.conf"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

shopt -s extglob
counter() { pairctl "$1" -j status | "$LAB_TOP/tests/lib/field.py" lbd.counter |
	grep -o "'name': '$2', 'value': [0-9]*" | grep -o "[0-9]*$"; }
total() { chat_total "$1" "${@:2}"; }
opened() { grep -q '"event":"open"' "$LAB/log/$1.out" || gone "$1"; }
cut_member() { pp ip -n switch link set "$1-eth0" down; }
mend_member() { pp ip -n switch link set "$1-eth0" up; }
# clients NAME MEMBER COUNT: opens them.
clients() {
	spawn "$1" client "$LAB_TOP/tests/lib/silent.py" "$LAB_VIP" 10.20.0.100 60 7000,7001 "$2" \
		"$3" "$OTHERS"
	wait_for 60 "$1: sessions to open" opened "$1"
	say "$1: $(grep '"event":"open"' "$LAB/log/$1.out")"
}
seen() { awk -F'"count":' '/"event":"reset"/ { n += $2 } END { print n + 0 }' "$LAB/log/$1.out"; }
all_seen() { (($(seen "$1") >= $2)); }

all_are() { (($(pairctl 1 -j members | grep -o "\"state\":\"$1\"" | wc -l) == 3)); }

# verdict NAME MEMBER COUNT CUT: what the clients have seen, against what they should.
verdict() {
	local name=$1 member=$2 count=$3 cut=$4 took since
	wait_for $((count / RATE + 15)) "$name: $count resets" all_seen "$name" "$count"
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
	((since <= FALL_MS + 2000)) || fail "$name: the first reset took $since ms"
	((took >= count * 1000 / RATE * 9 / 10)) || fail "$name: $count resets in $took ms"
	((took <= count * 1000 / RATE * 13 / 10 + 1500)) || fail "$name: $count resets in $took ms"
}

# Members are witnesses too: with all of them gone the role may have moved.
settled() {
	if pair_is 1 2; then
		A=1 B=2
	else
		A=2 B=1
		pair_is 2 1
	fi
}

pair_start
for space in "${LAB_MEMBERS[@]}"; do
	for number in 7001 7002; do
		spawn "chat-$space-$number" "$space" "$LAB_BUILD/tests/chat" serve "$space" "$number"
		wait_for 5 "chat server $number" on "$space" \
			sh -c "ss -Hltn sport = $number | grep -q ."
	done
done

# After its member is dead.
clients dead m1 "$FLOWS"
cut=$(ms)
cut_member m1
verdict dead m1 "$FLOWS" "$cut"
mend_member m1
wait_for 10 "m1 to be up" all_are up

# All members fail at once: that is rather us, and nobody is reset.
clients all m2 50
for space in "${LAB_MEMBERS[@]}"; do
	cut_member "$space"
done
wait_for 10 "all members to be down" all_are down
work 3000
(($(seen all) == 0)) || {
	signal -TERM all
	wait_for 10 "all to end" gone all
	fail "all members failed, and sessions ended: $(grep '"event":"total"' "$LAB/log/all.out")"
}
for space in "${LAB_MEMBERS[@]}"; do
	mend_member "$space"
done
wait_for 10 "all members to be up" all_are up
work 2000
(($(seen all) == 0)) || fail "all members came back, and $(seen all) sessions were reset"
signal -TERM all
wait_for 10 "all to end" gone all

# Another node took over meanwhile: what it knows of who is silent since is old.
clients stale m2 "$FLOWS"
LAB_POLL=0.1 wait_for 20 "one active and one standby in sync" settled
node_power_off "$A"
LAB_POLL=0.1 wait_for 10 "lb$B active" has_role "$B" active
cut=$(ms)
cut_member m2
verdict stale m2 "$FLOWS" "$cut"
say "lb$B answered $(counter "$B" answered_doomed) packets of doomed sessions"
(($(counter "$B" answered_doomed) >= FLOWS / 2)) || fail "the numbers were not old"
mend_member m2

# Silent for longer than the service allows; who talks is not concerned.
spawn quiet client "$LAB_TOP/tests/lib/silent.py" "$LAB_VIP" 10.20.0.100 20 7002,7002 m3 20 20
wait_for 20 "quiet sessions to be reset" all_seen quiet 20
signal -TERM quiet
wait_for 10 "quiet to end" gone quiet
say "quiet: $(grep '"event":"total"' "$LAB/log/quiet.out")"
[[ $(total quiet ends) != *@(EPIPE|failed|TIMEDOUT|UNREACH)* ]] ||
	fail "quiet: other ends: $(total quiet ends)"
