#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lb2 is in somebody else's hands: with its key he gets the channel, and offers lb1 revisions of the
# configuration that are forged, older, replayed, of another pair, of another version, or without the
# operator's word that the configuration asks for.  Each is refused, counted and told with its reason;
# two good ones before them are taken.  I6.

. "${0%/*}/../lib/push.sh"
lab_enter "$@"

offered() {
	grep -qF -- "$1" "$LAB/log/impostor.out" || { cat "$LAB/log/impostor.out"; fail "no word of: $1"; }
}
count() { # count NAME LEAST
	(($(refused_so 1 "$1") >= $2)) || fail "revision-$1 is $(refused_so 1 "$1")"
}

lab_wires
lab_config
nodes_sign
"$LAB_BUILD/pairctl" keygen --operator anna "$LAB/anna.key" >>"$LAB/pair.conf" 2>"$LAB/log/anna.log"
echo 'require-operator-signature yes' >>"$LAB/pair.conf"
daemon_start 1 syncd
await_daemon 1 syncd

status=0
on lb2 timeout 100 "$LAB_BUILD/tests/impostor" "$LAB/pair.conf" "$LAB/lb2/node.key" "$LAB/anna.key" \
	>"$LAB/log/impostor.out" 2>"$LAB/log/impostor.log" || status=$?
((status == 0)) || { cat "$LAB/log/impostor.out" "$LAB/log/impostor.log"; fail "impostor: exit $status"; }

offered "joined: taken"
offered "joined again: taken"
offered "offered: checked"
for case in "text changed" "signature changed"; do
	offered "$case: refused: its signature is wrong"
done
offered "unsigned: refused: nobody has signed it"
offered "cut short: refused: its signature is wrong"
offered "stranger: refused: its signer has no signing-key"
offered "node only: refused: no operator has signed it"
offered "other pair: refused: it belongs to another pair"
offered "older: refused: it is older than the current revision"
offered "replayed: refused: it has the number of the current revision"
offered "foreign: refused: it was not made from the current revision"
for case in "newer format" "newer schema"; do
	offered "$case: refused: it was made by another version of caspair"
	offered "lb1 runs $("$LAB_BUILD/pairctl" version | tr -dc '0-9.'), lb2 runs 9.9"
done
offered "forged, claimed: refused: the peer's revision cannot be taken over: its signature is wrong"
[[ $(revision 1) == 3 ]] || fail "lb1 runs revision $(revision 1)"
lives lb1-syncd || fail "syncd of lb1 has ended"

for name in unsigned stranger unapproved pair older replayed foreign; do
	count "$name" 1
done
count format 2
count forged 4
[[ $(field 1 sync.revision_why) == *"cannot be taken over: its signature is wrong"* ]] ||
	fail "status does not say that a forged revision was refused: $(field 1 sync.revision_why)"
say "$(grep -c refused: "$LAB/log/impostor.out") revisions of an impostor refused, counted and told"
