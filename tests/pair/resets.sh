#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A member dies without a word: each of its clients, though it waits in a read, is told by a reset
# at the array's pace, and comes back to another member with its whole affinity group; the others
# see nothing.  The same after a takeover, whose records have old numbers, and for who is silent for
# too long.
#
# FLOWS=5000 is the full size; LAB_V6=1 has all clients speak IPv6.

. "${0%/*}/../lib/pair.sh"
. "${0%/*}/../lib/resets.sh"
lab_enter "$@"

FLOWS=${FLOWS:-1000} OTHERS=100

eval "$(declare -f lab_config | sed '1s/lab_config/plain_config/')"
lab_config() {
	plain_config "$@"
	resets_config
	sed -i -e "s/7002-59530/7003-59530/" \
		-e "/service bulk/i\\    service quick { ports 7002; idle-timeout 3s; check tcp { interval 500ms; timeout 400ms } }" \
		"$LAB/pair.conf"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

shopt -s extglob
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
[[ -z $LAB_V6 ]] || resets_over_v6
resets_serve 7001
resets_serve 7002

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
spawn quiet client "$LAB_TOP/tests/lib/silent.py" "$RESETS_VIP" "$RESETS_SOURCE" 20 7002,7002 m3 20 20
wait_for 20 "quiet sessions to be reset" all_seen quiet 20
signal -TERM quiet
wait_for 10 "quiet to end" gone quiet
say "quiet: $(grep '"event":"total"' "$LAB/log/quiet.out")"
[[ $(total quiet ends) != *@(EPIPE|failed|TIMEDOUT|UNREACH)* ]] ||
	fail "quiet: other ends: $(total quiet ends)"
