#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A member goes down or comes back, and before both nodes can have switched their tables the active
# one dies; ROUNDS (3) times, while RATE (2000) new flows a second arrive.  Sessions that were begun
# in that moment, and all from before, go on where they are.  I1.
#
# The member refuses new connections alone: its sessions live, and are judged with the others.

. "${0%/*}/../lib/faults.sh"
lab_enter "$@"

rounds=${ROUNDS:-3} begun=80

refuse_new() {
	on m3 nft -f - <<-END || fail "nft refuses"
		table ip refuse {
		    chain input {
		        type filter hook input priority 0
		        tcp dport 7000 tcp flags & (syn | ack) == syn reject with tcp reset
		    }
		}
	END
}
take_new() { on m3 nft delete table ip refuse; }

# verdict NODE: up or down, of m3 for new connections to the chat service.
verdict() { pairctl "$1" -j members 2>/dev/null | "$LAB_TOP/tests/lib/verdict.py" m3 chat; }
is_verdict() { [[ $(verdict "$1") == "$2"* ]]; }

both_say() { is_verdict 1 "$1" && is_verdict 2 "$1"; }

opened() { gone "$1" || grep -q "\"open\":$begun," "$LAB/log/$1.out"; }

# switch_and_die ROUND: of a pair that is in sync.
switch_and_die() {
	local name=round$1 from to want=down
	from=$(active)
	to=$(other "$from")
	if (($1 % 2)); then refuse_new; else take_new; want=up; fi
	# Once the standby knows, the active's tables have moved; neither base has.
	LAB_POLL=0.01 wait_for 20 "m3 to be $want on both nodes" both_say "$want"
	spawn "$name" client "$LAB_BUILD/tests/chat" hold "$LAB_VIP" 7000 "$begun" 10.20.0.120 30 75 5000
	work $(($1 * 100))
	node_power_off "$from"
	LAB_POLL=0.02 wait_for 15 "lb$to to take over" has_role "$to" active
	wait_for 20 "$name: $begun sessions to open" opened "$name"
	gone "$name" && fail "$name: $(head -3 "$LAB/log/$name.out")"
	say "m3 $want, lb$from died $(($1 * 100)) ms later: $(field "$to" lbd.switching) switches inherited"
	node_power_on "$from"
	pair_up "$to" "$from"
}

pair_start
flows_prepare
chat_start before 7000 60 10.20.0.120 30
flows_start load $((rounds * 40000)) "${RATE:-2000}"
for ((round = 1; round <= rounds; round++)); do
	switch_and_die "$round"
done
signal -TERM load
for ((round = 1; round <= rounds; round++)); do
	chat_stop "round$round"
done
chat_stop before
say "$((60 + rounds * begun)) sessions lost nothing in $rounds switches that a death cut short"

# In peace, a switch ends with both nodes.  A machine that stands still for seconds may keep it from
# that once, and the status says so; not each time.
settled_tables() { bases_followed "$(active)"; }
switch_in_peace() {
	local before want=down
	before=$(field "$(active)" lbd.switched)
	if on m3 nft list table ip refuse >/dev/null 2>&1; then take_new; want=up; else refuse_new; fi
	wait_for 20 "m3 to be $want on both nodes" both_say "$want"
	LAB_POLL=0.2 wait_for 90 "all switches to end" settled_tables
	(($(field "$(active)" lbd.switched) > before))
}
LAB_POLL=0.2 wait_for 90 "all switches to end" settled_tables
switch_in_peace || switch_in_peace || switch_in_peace || fail "no switch came to its end"
