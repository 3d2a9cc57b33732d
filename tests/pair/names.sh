#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The name of an array, as resolvers inside and outside have it: dnsmasq says what is right and what
# is wrong, in both families, and a server of bad manners says nothing that can be used.  Both nodes
# tell what each resolver says.

LAB_V6=1
. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

NAME=outlook.example.com
INSIDE=10.20.0.101
INSIDE6=2001:db8:20::100
OUTSIDE=10.20.0.102
NASTY=10.20.0.103

# dns_start WHAT ADDRESS...: knows what stands in $LAB/dns-WHAT, and that there is nothing else.
dns_start() {
	local what=$1 address listen=()
	shift
	for address; do
		listen+=(--listen-address="$address")
	done
	touch "$LAB/dns-$what"
	spawn "dns-$what" client dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
		--user=root --pid-file="$LAB/pid/dnsmasq-$what" --bind-interfaces --cache-size=0 \
		--local=/example.com/ --addn-hosts="$LAB/dns-$what" "${listen[@]}"
	wait_for 10 "dnsmasq at $1" on client sh -c "ss -Hlun src $1 | grep -q ."
}

# dns_say WHAT ADDRESS...: from now on.
dns_say() {
	local what=$1 address
	shift
	for address; do
		echo "$address $NAME"
	done >"$LAB/dns-$what"
	signal -HUP "dns-$what"
}

names_config() {
	lab_config
	sed -i "/^pair /a\\
resolve-inside $INSIDE, $INSIDE6, $NASTY\\
resolve-outside $OUTSIDE\\
resolve-interval 1s
s/^    vip /    fqdn $NAME; vip /" "$LAB/pair.conf"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

# row NODE RESOLVER: "VERDICT WHY" of the node's status.
row() {
	pairctl "$1" -j status 2>/dev/null | /usr/bin/python3 -c '
import json, sys
for name in json.load(sys.stdin)["lbd"].get("fqdn", []):
    if name["resolver"] == sys.argv[1]:
        print(name["verdict"], name.get("why", ""), sep="; ")' "$2" 2>/dev/null
}
# await NODE RESOLVER PATTERN
await() {
	local start=$SECONDS said
	until said=$(row "$1" "$2") && [[ $said == $3 ]]; do # the right side is a pattern
		((SECONDS - start <= 30)) || fail "lb$1 says of $2 \"$said\", not \"$3\""
		sleep 0.1
	done
}
await_both() { await 1 "$@"; await 2 "$@"; }
# told NODE KIND TEXT: in the status for people.
told() { pairctl "$1" status >"$LAB/told" 2>&1 || true; grep -q "^$2: $NAME, the name of array lab, $3" "$LAB/told"; }
shows() { pairctl "$1" status 2>&1 | grep -Eq "^  $2"; }
measures() { pairctl "$1" metrics --state-dir "$LAB/lb$1/state" | grep -q "^caspair_fqdn_$2"; }
nasty() { echo "$1" >"$LAB/nasty.new" && mv "$LAB/nasty.new" "$LAB/nasty"; }

command -v dnsmasq >/dev/null || fail "dnsmasq is missing; run tests/lib/setup.sh"
lab_wires
lab_members
names_config
dns_start inside "$INSIDE" "$INSIDE6"
dns_start outside "$OUTSIDE"
dns_say inside "$LAB_VIP" "$LAB_VIP6"
nasty garbage
spawn nasty client "$LAB_TOP/tests/lib/nameserver.py" "$NASTY" "$LAB/nasty"
wait_for 10 "the nasty server" test -s "$LAB/log/nasty.out"
node_start 1
node_start 2

say "right: both nodes, both families of resolvers"
await_both "$INSIDE" 'ok; '
await_both "$INSIDE6" 'ok; '
await_both "$OUTSIDE" 'ok; '
await_both "$NASTY" 'unknown; the resolver does not answer'
wait_for 30 "a note of the silent resolver" \
	told 1 note "cannot be judged: the resolver does not answer (inside, by $NASTY)"
! told 1 problem . || fail "a silent resolver is called a problem"
wait_for 30 "the row of a good name" shows 1 "$NAME +inside +$INSIDE +$LAB_VIP, $LAB_VIP6 +ok"

say "wrong inside"
began=$(ms)
dns_say inside 10.20.0.99 "$LAB_VIP6"
await_both "$INSIDE" 'wrong; leads to 10.20.0.99, which is not the VIP'
say "    told after $(($(ms) - began)) ms, at an interval of 1 s"
wait_for 30 "the problem of lb2" \
	told 2 problem "leads to 10.20.0.99, which is not the VIP (inside, says $INSIDE)"
wait_for 30 "the metrics of a wrong name" measures 2 "matches_vip{array=\"lab\",resolver=\"$INSIDE\"} 0"
wait_for 30 "the metrics of a good name" measures 2 "known_outside{array=\"lab\",resolver=\"$OUTSIDE\"} 0"
dns_say inside "$LAB_VIP" 2001:db8:20::99
await_both "$INSIDE6" 'wrong; leads to 2001:db8:20::99, which is not the VIP'
dns_say inside
await_both "$INSIDE" 'wrong; does not resolve'
dns_say inside "$LAB_VIP" "$LAB_VIP6"
await_both "$INSIDE" 'ok; '

say "known outside"
dns_say outside "$LAB_VIP"
await_both "$OUTSIDE" 'wrong; resolves outside, to 10.20.0.10: *'
dns_say outside
await_both "$OUTSIDE" 'ok; '

say "bad manners"
nasty loop
await 1 "$NASTY" "unknown; the resolver's answer cannot be read"
nasty short
await 1 "$NASTY" 'unknown; the resolver does not answer'
nasty many
await 1 "$NASTY" 'wrong; leads to 10.9.0.0, which is not the VIP'
nasty dribble
await 1 "$NASTY" 'unknown; the resolver does not answer'
nasty alias
await 1 "$NASTY" 'wrong; does not resolve'
nasty flood
await 1 "$NASTY" 'unknown; the resolver does not answer'
# Meanwhile the others are asked and heard.
dns_say inside 10.20.0.98
await 1 "$INSIDE" 'wrong; leads to 10.20.0.98, *'
nasty short
dns_say inside "$LAB_VIP" "$LAB_VIP6"
await_both "$INSIDE" 'ok; '
await_both "$INSIDE6" 'ok; '

say "no resolver"
signal -9 dns-outside
await_both "$OUTSIDE" 'unknown; the resolver does not answer'
! told 1 problem . || { cat "$LAB/told"; fail "a dead resolver is called a problem"; }
for node in 1 2; do
	grep -q "$NAME, the name of array lab, leads to 10.20.0.99, which is not the VIP (inside, says $INSIDE)" \
		"$LAB/log/lb$node-lbd.log" || fail "lb$node has not logged the wrong address"
	! grep -E 'check child (died|left|says nothing)' "$LAB/log/lb$node-lbd.log" || fail "the check child died"
done

say "a reload without resolvers asks no more"
sed -i '/^resolve-/d' "$LAB/pair.conf"
signal -HUP lb1-lbd
wait_for 10 "lb1 to forget the names" sh -c "test -z \"\$($LAB_BUILD/pairctl --run-dir $LAB/lb1/run -j status | grep -o $NASTY)\""
! grep -q libcares "/proc/$(pid_of lb1-lbd)/maps" || fail "c-ares is in the privileged daemon"
