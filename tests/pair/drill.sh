#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `pairctl drill` on a pair whose daemons are started again when they die: kinds with canaries of the
# client, none of which is lost, and the role where it was; what is refused, and why; a daemon that
# does not come back, servers that die, a ^C and a pairctl that dies in the middle: the drill fails,
# and the pair is whole.  FULL=1 runs every kind (make pairctl-drill).

. "${0%/*}/../lib/drill.sh"
lab_enter "$@"

PATH=$LAB_BUILD:$PATH # what --canary-from starts
KINDS=kill-all,failover,cut-sync,kill-syncd
[[ -z $FULL ]] || KINDS+=,stop-vrrpd,kill-vrrpd,kill-lbd,stop-syncd
kinds=$(tr , '\n' <<<"$KINDS" | wc -l)
FROM="nsenter --net=/run/netns/client --"

# As init does for units with Restart=always.
supervise() {
	local daemon
	while [[ ! -e $LAB/unsupervised ]]; do
		for daemon in lbd syncd vrrpd; do
			lives "lb1-$daemon" || daemon_start 1 "$daemon"
		done
		sleep 0.2
	done
}

# drill_on NAME ARGUMENT...: on lb1, with a state directory of its own for the records.
drill_on() {
	local name=$1
	shift
	mkdir -p "$LAB/drill-$name"
	pairctl 1 --state-dir "$LAB/drill-$name" drill "$@" >"$LAB/log/drill-$name.log" 2>&1
}

# expect NAME STATUS WORDS ARGUMENT...
expect() {
	local name=$1 wanted=$2 words=$3 status
	shift 3
	drill_on "$name" "$@"
	status=$?
	((status == wanted)) && grep -qF -- "$words" "$LAB/log/drill-$name.log" ||
		{ cat "$LAB/log/drill-$name.log"; fail "$name: exit $status, not $wanted with: $words"; }
}

fit() { drill_on fit --dry-run; }
await_fit() { LAB_POLL=0.1 wait_for 60 "nothing to speak against a drill" fit; }
shown() { pairctl 1 --state-dir "$LAB/drill-$1" -j drill --show 1; }
recorded() { shown "$1" | "$LAB_TOP/tests/lib/field.py" "$2"; }
says() { grep -qF -- "$2" "$LAB/log/drill-$1.log"; }
stopped() { [[ $(awk '/^State/ { print $2 }' "/proc/$(pid_of "$1")/status") == T ]]; }
runs() { lives "$1" && ! stopped "$1"; }
# drill_begin NAME ARGUMENT...: in the background.
drill_begin() { drill_on "$@" & drill_pid=$!; }
# The shell is that of drill_on; the process below it is pairctl.
drill_kill() { pkill "$1" -P "$drill_pid"; wait "$drill_pid"; }

pair_start
for i in 1 2 3; do
	spawn "noop-m$i" "m$i" "$LAB_TOP/tests/lib/noop.py" "10.30.0.2$i" 7001
done
for i in 1 2 3; do
	wait_for 10 "the mail server of m$i" on "m$i" sh -c 'ss -Hltn sport = 7001 | grep -q .'
done

say "refused:"
await_fit
expect blind 2 "does not take a client's way" --canary 5 --yes
expect nobody 4 "there is nobody to ask" --kind kill-syncd </dev/null
expect kinds 2 'there is no drill "kill-lb"' --kind kill-syncd,kill-lb
daemon_kill 2 syncd
wait_for 30 "the channel to be down" channel_is_down 1
expect alone 4 "the channel to lb2 is down" --dry-run
says alone "no standby is in sync" || fail "not all reasons were given"
daemon_start 2 syncd
await_fit
expect planned 0 "new connections fail for" --dry-run
supervise &

say "$kinds kinds, with canaries:"
expect all 0 "drill 1 passed" --yes --blackout 30s --heal 60s \
	--kind "$KINDS" \
	--canary 20 --canary-kind smtp --canary-from "$FROM" --to "$LAB_VIP:7001"
grep -E '^[a-z-]+ +(pass|FAIL)' "$LAB/log/drill-all.log"
[[ $(grep -cE '^[a-z-]+ +pass  canary sessions 20/20 ' "$LAB/log/drill-all.log") == "$kinds" ]] ||
	fail "not $kinds kinds with all sessions"
await_fit
has_role 1 active || fail "the role was not given back"
pairctl 1 --state-dir "$LAB/drill-all" status | grep -E '^last drill .* ago, passed$' ||
	fail "status does not tell of the drill"
[[ $(recorded all "part.$((kinds - 1)).kind") == kill-all && $(recorded all passed) == true ]] ||
	fail "the record: $(shown all)"

say "by hand, interrupted, killed, with losses:"
drill_begin hand --kind by-hand --yes --heal 60s
wait_for 30 "the drill to wait" says hand "by-hand begins"
pairctl 1 --state-dir "$LAB/drill-hand" drill --dry-run 2>&1 |
	grep -q "another drill is under way" || fail "two drills at a time"
channel_cut
wait_for 30 "the drill to see the channel go" says hand "the channel to lb2 is down"
channel_heal
wait "$drill_pid" || { cat "$LAB/log/drill-hand.log"; fail "by-hand was not seen to heal"; }
says hand "no client was asked" || fail "a drill without canaries does not say so"
await_fit
drill_begin broken --kind by-hand --yes
wait_for 30 "the drill to wait" says broken "by-hand begins"
drill_kill -INT && fail "a drill that was broken off has passed"
[[ $(recorded broken ended) == "by a signal" ]] || fail "the record: $(shown broken)"
await_fit
drill_begin killed --kind stop-syncd --yes
wait_for 30 "syncd to be stopped" stopped lb1-syncd
drill_kill -KILL
wait_for 30 "syncd to go on" runs lb1-syncd
[[ $(recorded killed ended) == "it did not come to its end" ]] || fail "the record: $(shown killed)"
await_fit
drill_begin lossy --kind by-hand --yes --canary 5 --canary-kind smtp --canary-from "$FROM" \
	--to "$LAB_VIP:7001"
wait_for 60 "the drill to wait" says lossy "by-hand begins"
for i in 1 2 3; do signal -KILL "noop-m$i"; done
wait "$drill_pid" && fail "a drill that lost canaries has passed"
says lossy "of 5 canary sessions were lost" || fail "$(cat "$LAB/log/drill-lossy.log")"
await_fit

say "nobody starts lbd again:"
touch "$LAB/unsupervised"
wait %1
expect planted 1 "lbd was not started again" --kind kill-lbd,kill-vrrpd --yes --heal 3s
says planted "kill-vrrpd begins" && fail "the drill went on after a failure"
wait_for 30 "lb2 to lead" has_role 2 active
[[ $(recorded planted passed) == false ]] || fail "the record: $(shown planted)"
pairctl 1 --state-dir "$LAB/drill-planted" drill --list | grep -q "failed.*lbd was not started" ||
	fail "the list does not say what failed"
daemon_start 1 lbd
await_settled
