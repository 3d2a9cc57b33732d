# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Pushes of a configuration, $LAB/new.conf, and what both nodes run after them.

. "${BASH_SOURCE[0]%/*}/pair.sh"

# The configuration names what each node signs with.
nodes_sign() {
	local node key
	for node in 1 2; do
		key=$("$LAB_BUILD/pairctl" keygen --show --key "$LAB/lb$node/node.key" |
			sed -n 's/^ *signing-key *//p')
		[[ -n $key ]] || fail "no signing key"
		sed -i "/^node lb$node {/a\    signing-key $key" "$LAB/pair.conf"
	done
}

revision() { field "$1" sync.revision; }
both_on() { [[ $(revision 1) == "$1" && $(revision 2) == "$1" ]]; }
digests() { field "$1" lbd.config_digest vrrp.config_digest sync.config_digest; }
# All daemons of both nodes run what new.conf means.
agree() {
	local digest
	digest=$("$LAB_BUILD/pairctl" -j check "$LAB/new.conf" |
		"$LAB_TOP/tests/lib/field.py" config_digest)
	[[ $(digests 1) == "$digest $digest $digest" && $(digests 2) == "$digest $digest $digest" ]]
}

# push NODE OPTION...: status in $status, output in $LAB/log/push.log.  A standby that lags for a
# moment, on a machine that does, is waited for.
push() {
	local node=$1 start=$SECONDS
	shift
	while
		status=0
		pairctl "$node" push "$LAB/new.conf" "$@" >"$LAB/log/push.log" 2>&1 || status=$?
		grep -q 'does not hold everything' "$LAB/log/push.log" && ((SECONDS - start < 30))
	do
		sleep 0.2
	done
}
# pushed_from NODE REVISION OPTION...: lb1 is active.
pushed_from() {
	local node=$1 want=$2
	shift 2
	push "$node" "$@"
	((status == 0)) || { cat "$LAB/log/push.log"; fail "push of revision $want: exit $status"; }
	wait_for 30 "both nodes to run revision $want" both_on "$want"
	wait_for 30 "all daemons to follow" agree
	LAB_POLL=0.1 wait_for 30 "lb2 in sync" is_standby 2
}
pushed() { pushed_from 1 "$@"; }
says() { grep -q -- "$1" "$LAB/log/push.log" || { cat "$LAB/log/push.log"; fail "no word of: $1"; }; }
moves() { echo "$(field 1 vrrp.epoch vrrp.transitions) $(field 2 vrrp.epoch vrrp.transitions)"; }

# refused_so NODE NAME: so many revisions were refused there for it.
refused_so() {
	pairctl "$1" -j status | python3 -c '
import json, sys
print(sum(c["value"] for c in json.load(sys.stdin)["sync"]["refused"] if c["name"] == sys.argv[1]))' \
		"revision-$2"
}
