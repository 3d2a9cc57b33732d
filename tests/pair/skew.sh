#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two releases in one pair, this one and the next (tests/next), with sessions open: the standby is
# upgraded, takes over, then the other one; and back again, the standby first.  In each step both are
# in sync with equal tables, a configuration can be pushed, and no session is lost.  U1.

. "${0%/*}/../lib/drill.sh"
. "$LAB_TOP/tests/lib/release.sh"
lab_enter "$@"

# verified ACTIVE STANDBY STEP: what the pair is after a step, as it says and as the tables are.
verified() {
	pair_up "$1" "$2"
	equal_by_its_word "$1" "$3"
	say "$3: lb$1 $(release "$1") leads lb$2 $(release "$2"), stream $(field "$1" sync.wire)," \
		"$(tail -n 1 "$LAB/log/verify.log")"
}
# stream NODE: the version spoken, the features, and whether the node could more.
stream() { field "$1" sync.wire sync.features sync.wire_less | paste -sd' '; }
says() { [[ $(stream "$1") == "$2" ]] || fail "$3: stream on lb$1 is $(stream "$1"), not $2"; }

# counted NODE NAME: something of the kind was ignored, or understood, by this process.
counted() { field "$1" sync.refused | grep -q "'$2'"; }
hears() { LAB_POLL=0.1 wait_for 10 "lb$1 to count $2" counted "$1" "$2"; }

hand_over() {
	LAB_POLL=0.1 wait_for 20 "failover of lb$1" pairctl "$1" failover
	pair_up "$(other "$1")" "$1"
}

# push_timeout NODE SECONDS: some change of the configuration, asked of that node.
push_timeout() {
	sed "s/peer-timeout [0-9]*s/peer-timeout $2s/" "$LAB/pair.conf" >"$LAB/new.conf"
	pairctl "$1" push "$LAB/new.conf" --no-confirm >"$LAB/log/push.log" 2>&1 ||
		fail "push on lb$1: $(cat "$LAB/log/push.log")"
	LAB_POLL=0.1 wait_for 10 "one revision on both nodes" one_revision
}
one_revision() {
	[[ -n $(field 1 sync.revision_id) && $(field 1 sync.revision_id) == "$(field 2 sync.revision_id)" &&
		$(field 1 sync.config_digest) == "$(field 2 sync.config_digest)" ]]
}

lab_wires
lab_members
lab_config
lab_sign
pair_begin
chat_start load 7000 50 10.20.0.120 30
verified 1 2 "one release"
says 1 "2 0 false" "one release"

upgrade 2
verified 1 2 "the standby is upgraded"
says 1 "2 0 false" "the standby is upgraded"
says 2 "2 0 true" "the standby is upgraded"
hears 1 unknown-frame
hears 1 unknown-field
push_timeout 1 2

hand_over 1
verified 2 1 "the newer one leads"
hears 1 unknown-record
push_timeout 2 3

upgrade 1
verified 2 1 "both are upgraded"
says 1 "3 1 false" "both are upgraded"
hears 1 next-record
hears 1 soon-record

hand_over 2
downgrade 2
verified 1 2 "the standby goes back"
hand_over 1
downgrade 1
verified 2 1 "both are back"
says 1 "2 0 false" "both are back"
one_revision || fail "the nodes have different revisions"
chat_stop load
say "$(chat_total load answers) answers, no session lost or moved"
