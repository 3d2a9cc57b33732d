#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The working copy is edited by hand, in one file and in two: status tells of it until the daemons
# have read it, and a mistake in an included file is told with its place and changes nothing.  I9.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

says() {
	pairctl "$1" status >"$LAB/log/status.log" 2>&1
	grep -qF "$2" "$LAB/log/status.log"
}
is_silent() { ! says "$1" "$LAB/pair.conf"; }
both_say() {
	LAB_POLL=0.2 wait_for 20 "lb1 to say: $1" says 1 "$1"
	LAB_POLL=0.2 wait_for 20 "lb2 to say: $1" says 2 "$1"
}
reload() {
	local node daemon
	for node in 1 2; do
		for daemon in lbd syncd vrrpd; do
			signal -HUP "lb$node-$daemon"
		done
	done
}
runs() { [[ $(field "$1" lbd.config_digest vrrp.config_digest sync.config_digest) == "$2 $2 $2" ]]; }
both_run() {
	LAB_POLL=0.1 wait_for 20 "lb1 to run $1" runs 1 "$1"
	LAB_POLL=0.1 wait_for 20 "lb2 to run $1" runs 2 "$1"
}
digest() {
	"$LAB_BUILD/pairctl" -j check "$LAB/pair.conf" | "$LAB_TOP/tests/lib/field.py" config_digest
}

# The array moves to a file of its own: the same meaning, and no word.
split() {
	local before
	before=$(digest)
	mkdir "$LAB/arrays"
	sed -n '/^array lab/,$p' "$LAB/pair.conf" >"$LAB/arrays/lab.conf"
	sed -i '/^array lab/,$d' "$LAB/pair.conf"
	echo 'include arrays/*.conf' >>"$LAB/pair.conf"
	[[ $(digest) == "$before" ]] || fail "two files mean something else than one"
	reload
	both_run "$before"
	LAB_POLL=0.2 wait_for 20 "lb1 to have nothing to say" is_silent 1
}

edited() {
	local after
	sed -i 's/member m1 {/member m1 { weight 20;/' "$LAB/arrays/lab.conf"
	both_say "note: lb"
	both_say "$LAB/pair.conf differs from what runs: SIGHUP reads it"
	after=$(digest)
	reload
	both_run "$after"
	LAB_POLL=0.2 wait_for 20 "lb1 to be silent again" is_silent 1
	LAB_POLL=0.2 wait_for 20 "lb2 to be silent again" is_silent 2
}

mistaken() {
	local before
	before=$(digest)
	sed -i 's/weight 20;/weihgt 20;/' "$LAB/arrays/lab.conf"
	reload
	both_say "$LAB/pair.conf has 1 error: see pairctl check"
	LAB_POLL=0.1 wait_for 20 "syncd to name the place" grep -qE \
		'arrays/lab.conf:[0-9]+:[0-9]+: unknown keyword "weihgt"' "$LAB/log/lb1-syncd.log"
	runs 1 "$before" && runs 2 "$before" || fail "a mistake has changed what runs"
	sed -i 's/weihgt 20;/weight 20;/' "$LAB/arrays/lab.conf"
	LAB_POLL=0.2 wait_for 20 "lb1 to be silent" is_silent 1
}

pair_start
split
edited
mistaken
pairctl 1 history --state-dir "$LAB/lb1/state" | grep -q "the working copy runs" ||
	fail "history claims a push"
"$LAB_BUILD/pairctl" show running --config "$LAB/pair.conf" --state-dir "$LAB/lb1/state" |
	grep -q '^# arrays/lab.conf$' || fail "show leaves a file out"
say "edits are told until they are read, mistakes with file and line"
