#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who takes how much of the pair: the busiest clients, those beyond a service's warn-sessions, and
# the proof that no client is at two members of its affinity group, which must be able to fail.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

# figures REPORT EXPRESSION...: of `pairctl -j report`, a line; fails as the report does.
figures() {
	local report=$1
	shift
	pairctl 1 -j report "$report" >"$LAB/report" 2>&1
	status=$?
	python3 - "$LAB/report" "$@" <<-'END' || fail "report $report: $(<"$LAB/report")"
		import json, sys
		answer = json.load(open(sys.argv[1]))['answer']
		print(*(eval(one, {'answer': answer}) for one in sys.argv[2:]))
	END
}
expect() { [[ $1 == "$2" ]] || fail "$3: $1, not $2: $(<"$LAB/report")"; }

lab_wires
lab_members
lab_config
sed -i 's/ports 7000;/& warn-sessions 4;/' "$LAB/pair.conf"
node_start 1
LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active

figures sessions 'answer["array"][0]["sessions"]' >"$LAB/got"
expect "$(<"$LAB/got") $status" "0 0" "nobody is there"
chat_start many 7000 60 10.20.0.120 20
chat_start few 7000 6 10.20.0.150 1
figures sessions 'answer["array"][0]["sessions"]' 'answer["array"][0]["clients"]' \
	'answer["busiest"][0]["client"]' 'answer["busiest"][0]["sessions"]' \
	'len(answer["busiest"])' 'answer["nears"]' 'answer["near"][0]["client"]' \
	'answer["near"][0]["group"]' >"$LAB/got"
expect "$(<"$LAB/got")" "66 21 10.20.0.150 6 10 1 10.20.0.150 chat" "21 clients"
((status == 1)) || fail "a client is beyond its limit, and the exit status is $status"
figures affinity 'answer["splits"]' >"$LAB/got"
expect "$(<"$LAB/got") $status" "0 0" "affinity holds"

# Another group has no pins yet, and those of m1 must go elsewhere: now they are at two members.
left=$(pairctl 1 -j sessions --member m1 | python3 -c '
import json, sys
print(len({one["client"].rsplit(":", 1)[0] for one in json.load(sys.stdin)["sessions"]}))')
((left > 0)) || fail "nobody is at m1"
pairctl 1 drain m1 >/dev/null || fail "m1 cannot be drained"
sed -i 's/affinity-group chat/affinity-group talk/' "$LAB/pair.conf"
signal -HUP lb1-lbd
LAB_POLL=0.1 wait_for 10 "the new group" \
	sh -c "'$LAB_BUILD/pairctl' --run-dir '$LAB/lb1/run' members | grep -q talk"
chat_start again 7000 21 10.20.0.120 20
chat_start more 7000 1 10.20.0.150 1
figures affinity 'answer["splits"]' 'answer["split"][0]["group"]' \
	'"m1" in (answer["split"][0]["member"], answer["split"][0]["other"])' >"$LAB/got"
expect "$(<"$LAB/got") $status" "$left talk True 1" "clients at two members"
for name in many few again more; do chat_stop "$name"; done
say "21 clients counted, the busiest first; $left clients at two members found, none before"
