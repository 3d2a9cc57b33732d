#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lb2 is in somebody else's hands: with its key he gets the channel, and offers lb1 revisions of the
# configuration that are forged, older, replayed, of another pair, of another version, or without the
# operator's word that the configuration asks for.  Each is refused, counted and told with its reason;
# two good ones before them are taken.  I6.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

revision() { field 1 sync.revision; }
runs() { [[ $(revision) == "$1" ]]; }
counted() { # counted NAME: so many bundles were refused for it
	pairctl 1 -j status | python3 -c '
import json, sys
print(sum(c["value"] for c in json.load(sys.stdin)["sync"]["refused"] if c["name"] == sys.argv[1]))' \
		"revision-$1"
}
says() {
	grep -qF -- "$1" "$LAB/log/impostor.out" || { cat "$LAB/log/impostor.out"; fail "no word of: $1"; }
}
count() { # count NAME LEAST
	(($(counted "$1") >= $2)) || fail "revision-$1 is $(counted "$1")"
}

lab_wires
lab_config
for node in 1 2; do
	key=$("$LAB_BUILD/pairctl" keygen --show --key "$LAB/lb$node/node.key" | sed -n 's/^ *signing-key *//p')
	sed -i "/^node lb$node {/a\    signing-key $key" "$LAB/pair.conf"
done
"$LAB_BUILD/pairctl" keygen --operator anna "$LAB/anna.key" >>"$LAB/pair.conf" 2>"$LAB/log/anna.log"
echo 'require-operator-signature yes' >>"$LAB/pair.conf"
daemon_start 1 syncd
await_daemon 1 syncd

status=0
on lb2 timeout 100 "$LAB_BUILD/tests/impostor" "$LAB/pair.conf" "$LAB/lb2/node.key" "$LAB/anna.key" \
	>"$LAB/log/impostor.out" 2>"$LAB/log/impostor.log" || status=$?
((status == 0)) || { cat "$LAB/log/impostor.out" "$LAB/log/impostor.log"; fail "impostor: exit $status"; }

says "joined: taken"
says "joined again: taken"
says "offered: checked"
for case in "text changed" "signature changed"; do
	says "$case: refused: its signature is wrong"
done
says "unsigned: refused: nobody has signed it"
says "cut short: refused: its signature is wrong"
says "stranger: refused: its signer has no signing-key"
says "node only: refused: no operator has signed it"
says "other pair: refused: it belongs to another pair"
says "older: refused: it is older than the current revision"
says "replayed: refused: it has the number of the current revision"
says "foreign: refused: it was not made from the current revision"
for case in "newer format" "newer schema"; do
	says "$case: refused: it was made by another version of caspair"
	says "lb1 runs $("$LAB_BUILD/pairctl" version | tr -dc '0-9.'), lb2 runs 9.9"
done
says "forged, claimed: refused: the peer's revision cannot be taken over: its signature is wrong"
runs 3 || fail "lb1 runs revision $(revision)"
lives lb1-syncd || fail "syncd of lb1 has ended"

for name in unsigned stranger unapproved pair older replayed foreign; do
	count "$name" 1
done
count format 2
count forged 4
[[ $(field 1 sync.revision_why) == *"cannot be taken over: its signature is wrong"* ]] ||
	fail "status does not say that a forged revision was refused: $(field 1 sync.revision_why)"
say "$(grep -c refused: "$LAB/log/impostor.out") revisions of an impostor refused, counted and told"
