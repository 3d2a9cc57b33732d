#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The standby's table is damaged behind its back, with sessions open: `pairctl verify` finds exactly
# what was damaged and mends it, the comparison that runs by itself does too, one that is cut in the
# middle says so, and no session notices.  I4, I9.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

FLOWS=${FLOWS:-10000}

# verify NODE STATUS PATTERN: its exit status and what it says.
verify() {
	local status
	pairctl "$1" verify >"$LAB/log/verify.log" 2>&1
	status=$?
	((status == $2)) || fail "verify on lb$1: exit status $status, not $2: $(cat "$LAB/log/verify.log")"
	grep -qE "$3" "$LAB/log/verify.log" || fail "verify on lb$1 says: $(cat "$LAB/log/verify.log")"
}

# answer FIELD...: of a comparison, as JSON.
answer() {
	pairctl 1 -j verify >"$LAB/log/verify.json"
	"$LAB_TOP/tests/lib/field.py" "$@" <"$LAB/log/verify.json"
}

damage() {
	"$LAB_BUILD/tests/tables" spoil "$LAB/bpf/lb2" "$@" >"$LAB/log/damage.out" 2>"$LAB/log/damage.log" ||
		fail "the table cannot be damaged: $(cat "$LAB/log/damage.log")"
}

known() { pairctl "$1" -j sessions | "$LAB_TOP/tests/lib/sessions.py" | LC_ALL=C sort; }
equal() {
	known 1 >"$LAB/known1"
	known 2 >"$LAB/known2"
	[[ -s $LAB/known1 ]] && cmp -s "$LAB/known1" "$LAB/known2"
}

found_and_mended() {
	local equal differing left repaired
	verify 1 0 '^equal: [0-9]+ entries in'
	verify 2 4 'run it on lb1'
	damage 3 2 2
	equal && fail "seven entries were damaged, and nobody can see it"
	read -r equal differing left repaired < <(answer equal answer.differing answer.left answer.repaired)
	[[ $equal == false ]] || fail "damaged tables were called equal"
	((differing >= 1 && differing <= 7 && left == 0 && repaired == 7)) ||
		fail "$differing slices differed, $left still do, $repaired entries mended, not 7"
	LAB_POLL=0.1 wait_for 5 "equal tables" equal
	[[ $(answer equal answer.repaired) == "true 0" ]] || fail "something was left: $(cat "$LAB/log/verify.json")"
	[[ $(field 1 sync.verify_repaired) == 7 ]] || fail "status counts $(field 1 sync.verify_repaired)"
	is_standby 2 || fail "lb2 has left in-sync"
}

# Most of it is gone: all is sent once more.
in_ruins() {
	local lost=$(($(field 2 lbd.flows) - 10))
	damage "$lost" 0 0
	[[ $(answer equal answer.resent answer.left) == "false true 0" ]] ||
		fail "a table in ruins: $(cat "$LAB/log/verify.json")"
	LAB_POLL=0.1 wait_for 10 "equal tables" equal
	pair_up 1 2
	verify 1 0 '^equal'
}

# A standby that goes on believes for an instant that it is one, while the active node knows better.
mended() {
	pairctl 1 verify >"$LAB/log/verify.log" 2>&1
	grep -q '^broken off' "$LAB/log/verify.log" && return 1
	! grep -q 'still differ' "$LAB/log/verify.log" || fail "not mended: $(cat "$LAB/log/verify.log")"
	grep -qE '^equal|entries were sent again' "$LAB/log/verify.log"
}

# The standby stops, then the channel is cut, in the middle of it.
cut_short() {
	signal -STOP lb2-syncd
	verify 1 1 'broken off'
	signal -CONT lb2-syncd
	pair_up 1 2
	LAB_POLL=0.1 wait_for 10 "a comparison to its end" mended
	damage 1 0 0
	signal -STOP lb2-syncd
	pairctl 1 verify >"$LAB/log/cut.log" 2>&1 &
	pp ip -n lb2 link set eth2 down
	wait $!
	(($? == 1)) || fail "verify on a cut channel: $(cat "$LAB/log/cut.log")"
	grep -q 'broken off' "$LAB/log/cut.log" || fail "verify on a cut channel says: $(cat "$LAB/log/cut.log")"
	verify 1 4 'no standby that holds everything'
	signal -CONT lb2-syncd
	pp ip -n lb2 link set eth2 up
	pair_up 1 2
	LAB_POLL=0.1 wait_for 10 "a comparison to its end" mended
	LAB_POLL=0.1 wait_for 5 "equal tables" equal
}

# Tables that change all the time are equal too: sessions come and go by the thousand, and nothing
# is found but what was damaged.
under_load() {
	local space left repaired runs=0
	for space in client "${LAB_MEMBERS[@]}"; do
		on "$space" nft -f - <<-END
			table ip deaf {
				chain input {
					type filter hook input priority 0;
					tcp $([[ $space == client ]] && echo sport || echo dport) 7001 drop
				}
			}
		END
	done
	for space in "${LAB_MEMBERS[@]}"; do
		spawn "fill-$space" "$space" "$LAB_BUILD/tests/flowfill" answer 7001
	done
	spawn probe client "$LAB_BUILD/tests/probe" "$LAB_VIP" 7000 10.20.0.163 2
	spawn fill client "$LAB_BUILD/tests/flowfill" open "$LAB_VIP" 7001 "$FLOWS" "$LAB_CLIENTS" 64
	until gone fill; do
		pairctl 1 verify >"$LAB/log/verify.log" 2>&1
		grep -qE '^(equal|broken off)' "$LAB/log/verify.log" || fail "under load: $(cat "$LAB/log/verify.log")"
		! grep -q '^equal' "$LAB/log/verify.log" || runs=$((runs + 1))
	done
	damage 4 0 3
	read -r left repaired < <(answer answer.left answer.repaired)
	[[ $left/$repaired == 0/7 ]] || fail "under load: $(cat "$LAB/log/verify.json")"
	verify 1 0 '^equal'
	signal -TERM probe
	wait_for 5 "probe to end" gone probe
	((runs > 0)) || fail "the load was over before the first comparison"
	say "equal $runs times while $FLOWS sessions were made; then $(cat "$LAB/log/verify.log")"
}

# An interval in the configuration, and nobody asks.
by_itself() {
	local daemon before
	sed -i 's/peer-timeout 1s/peer-timeout 1s; verify-interval 1s/' "$LAB/pair.conf"
	for daemon in lbd syncd vrrpd; do
		signal -HUP "lb1-$daemon"
		signal -HUP "lb2-$daemon"
	done
	runs() { local n; n=$(field 1 sync.verify_runs) && [[ -n $n ]] && ((n > before)); }
	before=$(field 1 sync.verify_runs)
	LAB_POLL=0.1 wait_for 20 "a comparison by itself" runs
	pair_up 1 2
	damage 2 1 1
	LAB_POLL=0.1 wait_for 20 "the damage to be mended" equal
	pair_up 1 2
	pairctl 1 status | grep -q '^note: the tables of both nodes differed' ||
		[[ $(field 1 sync.verify.differing) == 0 ]] || fail "status does not tell of the damage"
}

pair_start 40000
chat_start load 7000 60 10.20.0.120 30
found_and_mended
in_ruins
cut_short
under_load
by_itself
chat_stop load
say "60 sessions, $(chat_total load answers) answers; mended: $(field 1 sync.verify_repaired) entries in $(field 1 sync.verify_runs) comparisons"
