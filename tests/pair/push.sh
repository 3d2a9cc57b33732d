#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The configuration of both nodes is changed by pairctl push while sessions run: pushed, confirmed,
# rolled back, refused by either node, asked on either node, signed by an operator, and taken by a
# node that was away; two histories are resolved.  I1, I4.

. "${0%/*}/../lib/push.sh"
lab_enter "$@"

signed_by() {
	pairctl 1 -j history --state-dir "$LAB/lb1/state" >"$LAB/log/history.log"
	python3 - "$LAB/log/history.log" "$@" <<-'END' || fail "revision $1 is not signed by $2"
		import json, sys
		history = json.load(open(sys.argv[1]))["revision"]
		sys.exit([r["signed_by"] for r in history if r["number"] == int(sys.argv[2])] != [sys.argv[3]])
	END
}
refused() { # refused STATUS WORD...
	local want=$1 word
	shift
	((status == want)) || { cat "$LAB/log/push.log"; fail "exit $status, not $want"; }
	for word; do
		says "$word"
	done
	[[ $(revision 1) == "$current" ]] || fail "a refused push has changed the active node"
}
edit() { cp "$LAB/new.conf" "$LAB/good.conf"; sed -i "$1" "$LAB/new.conf"; }
undo_edit() { cp "$LAB/good.conf" "$LAB/new.conf"; }

lab_wires
lab_members ""
lab_config
nodes_sign
pair_begin
cp "$LAB/pair.conf" "$LAB/new.conf"
chat_start chat 7000 60 10.20.0.120 30
before=$(moves)
connections=$(served 1 chat connections)
((connections >= 60)) || fail "chat has ${connections:-no} connections"
sync_mark

# --- changes of every kind, one after the other
pushed 2 -m "first" --no-confirm
changes=(
	's/member m1 {/member m1 { weight 5;/'
	's/member m2 {/member m2 { weight 20;/'
	's/idle-timeout 24h/idle-timeout 23h/'
	's/interval 500ms; timeout 400ms/interval 400ms; timeout 300ms/'
	's/advert 100ms/advert 120ms/'
	's/affinity-timeout 1h/affinity-timeout 2h/'
	's/^    service bulk {/    service more { ports 59540; affinity-group chat; follow chat }\n&/'
	's/weight 5;/weight 10;/'
	's/peer-timeout 1s/peer-timeout 1200ms/'
	'/service more/d'
)
current=2
for change in "${changes[@]}"; do
	sed -i "$change" "$LAB/new.conf"
	current=$((current + 1))
	pushed "$current" -m "change" --no-confirm
done
says "60 sessions before, 60 after"
[[ $(served 1 chat connections) == "$connections" ]] ||
	fail "services come and go, and chat has $(served 1 chat connections) connections of $connections"
sync_undisturbed "pushes"
push 1 --no-confirm
((status == 0)) || fail "exit $status"
says "no change"
say "$current revisions: no channel lost, no snapshot, in sync after each"

# --- sizes of tables wait for lbd's next start, on one node after the other
sized() { [[ $(field "$1" lbd.flows_max) == "$2" ]]; }
waits() { pairctl "$1" status 2>&1 | grep -q "lb$1 have room for .* flows, the configuration says .*: restart lbd there"; }
sed -i 's/flows 20000/flows 30000/' "$LAB/new.conf"
current=$((current + 1))
pushed "$current" --no-confirm
for node in 2 1; do
	waits "$node" || fail "status of lb$node does not say that its tables wait"
	sized "$node" 20000 || fail "lb$node has other tables already"
	signal -TERM "lb$node-lbd"
	wait_for 10 "lbd of lb$node to leave" gone "lb$node-lbd"
	daemon_start "$node" lbd
	await_daemon "$node" lbd
	LAB_POLL=0.1 wait_for 60 "lb$node to have larger tables" sized "$node" 30000
	LAB_POLL=0.1 wait_for 30 "the pair to be well" pair_is 1 2
	! waits "$node" || fail "lb$node has its size, and still waits"
done
sync_mark
say "larger tables: pushed, and lbd restarted on the standby, then on the active node"

# --- what is refused, and by whom
edit 's/weight 10;/weihgt 10;/'
push 1; refused 1 "new.conf:[0-9]*:[0-9]*: .*weight"
undo_edit
edit 's/^pair lab/pair other/'
push 1; refused 4 "pair: lab -> other needs a restart of lbd, syncd and vrrpd" "keep their names"
undo_edit
ip -n lb1 link add only1 type veth peer name only2
edit 's/interface eth0, eth1; hook/interface eth0, eth1, only1; hook/'
push 1; refused 5 "lb2: pair.conf:[0-9]*:[0-9]*: this node has no interface only1" "nothing has changed"
undo_edit
edit 's/weight 20;/weight 30;/'
for node in 1 2; do
	push "$node" --dry-run
	((status == 0)) || fail "exit $status"
	says "nothing was changed"
	[[ $(revision 1) == "$current" ]] || fail "a dry run has changed something"
done
say "refused: a typo, another name of the pair, an interface that lb2 lacks"

# --- confirmed, not confirmed, rolled back
push 1 --confirm-within 2s
((status == 0)) || fail "exit $status"
undo_edit
current=$((current + 2))
LAB_POLL=0.1 wait_for 30 "the roll-back by itself" both_on "$current"
wait_for 30 "all daemons to follow" agree
edit 's/weight 20;/weight 30;/'
current=$((current + 1))
pushed_from 2 "$current"
signed_by "$current" "node lb2"
push 2 --no-confirm
refused 4 "waits for pairctl confirm"
pairctl 1 status 2>&1 | grep -q 'rolled back in .*pairctl confirm' || fail "status does not say so"
pairctl 2 confirm >"$LAB/log/push.log" 2>&1 || { cat "$LAB/log/push.log"; fail "confirm"; }
says "confirmed  both run rev $current ("
! grep -q 'rolls back' "$LAB/log/push.log" || fail "confirmed, and rolled back all the same?"
[[ -z $(field 1 sync.confirm_left_ms)$(field 2 sync.confirm_left_ms) ]] || fail "it still waits"
pairctl 2 rollback >"$LAB/log/push.log" 2>&1 || { cat "$LAB/log/push.log"; fail "rollback"; }
undo_edit
current=$((current + 1))
wait_for 30 "both nodes to roll back" both_on "$current"
wait_for 30 "all daemons to follow" agree
say "rolled back by itself; pushed, confirmed and rolled back by hand, on the standby"

# --- signed by a person: on either node, and in the end by nobody else
operator_line=$("$LAB_BUILD/pairctl" keygen --operator anna "$LAB/anna.key" 2>/dev/null)
echo "$operator_line" >>"$LAB/new.conf"
current=$((current + 1))
pushed "$current" --no-confirm
for node in 1 2; do
	sed -i "s/idle-timeout [0-9]*h/idle-timeout 2${node}h/" "$LAB/new.conf"
	current=$((current + 1))
	pushed_from "$node" "$current" --no-confirm --sign-key "$LAB/anna.key"
	signed_by "$current" "operator anna"
done
echo 'require-operator-signature yes' >>"$LAB/new.conf"
current=$((current + 1))
pushed "$current" --no-confirm --sign-key "$LAB/anna.key"
edit 's/weight 20;/weight 30;/'
for node in 1 2; do
	push "$node" --no-confirm
	refused 4 "no operator has signed it"
	[[ $(refused_so "$node" unapproved) == 1 ]] || fail "lb$node has not counted it"
done
"$LAB_BUILD/pairctl" keygen --operator bert "$LAB/bert.key" >"$LAB/log/keygen.log" 2>&1
push 1 --no-confirm --sign-key "$LAB/bert.key"
refused 4 "its signer has no signing-key"
push 1 --confirm-within 2s --sign-key "$LAB/anna.key"
((status == 0)) || { cat "$LAB/log/push.log"; fail "exit $status"; }
current=$((current + 2))
undo_edit
LAB_POLL=0.1 wait_for 30 "the roll-back of what an operator has signed" both_on "$current"
wait_for 30 "all daemons to follow" agree
sed -i '/require-operator-signature/d' "$LAB/new.conf"
current=$((current + 1))
pushed "$current" --no-confirm --sign-key "$LAB/anna.key"
say "signed by an operator on either node, and refused without that once it is asked for"

# --- a store whose disk has changed it: told, and what is missing comes from the other node
damage() { # damage FILE: one byte of it
	printf '\377' | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") / 2)) conv=notrunc status=none
}
syncd_with_damage() { # of lb2
	local file
	signal -TERM lb2-syncd
	wait_for 10 "syncd of lb2 to leave" gone lb2-syncd
	for file; do
		damage "$file"
	done
	daemon_start 2 syncd
	await_daemon 2 syncd
}
told() { pairctl 2 status >"$LAB/log/push.log" 2>&1; grep -q -- "$1" "$LAB/log/push.log"; }
stored=$(printf '%s/lb2/state/config/%010d-*.rev' "$LAB" "$current")
ip -n lb1 link set eth2 down
# shellcheck disable=SC2086 # a pattern
syncd_with_damage $stored
wait_for 10 "lb2 to tell of its store" told "problem.*damaged: the current revision $current"
ip -n lb1 link set eth2 up
wait_for 30 "lb2 to have its revision again" both_on "$current"
LAB_POLL=0.1 wait_for 30 "lb2 in sync" is_standby 2
told "note.*damaged: the current revision $current .*it is whole now" ||
	{ cat "$LAB/log/push.log"; fail "status does not tell what happened to the store"; }
"$LAB_BUILD/pairctl" history --state-dir "$LAB/lb2/state" >"$LAB/log/push.log" || fail "it is not whole"
syncd_with_damage "$LAB/lb2/state/config/current"
LAB_POLL=0.1 wait_for 30 "lb2 in sync with the copy of its record" is_standby 2
both_on "$current" || fail "a damaged record has changed what runs"
told "note.*the record of the current revision is damaged: its copy is used; it is whole now" ||
	{ cat "$LAB/log/push.log"; fail "status does not tell of the record"; }
say "a damaged revision comes from lb1, a damaged record from its copy; status tells of both"

# --- a node that is away
[[ $(moves) == "$before" ]] || fail "a role moved: $before, now $(moves)"
node_stop 2
push 1 --no-confirm; refused 4 "the standby is not there"
for weight in 31 32 33; do
	sed -i "s/weight [23][0-9];/weight $weight;/" "$LAB/new.conf"
	push 1 --no-confirm --alone "lb2 is being repaired"
	((status == 0)) || { cat "$LAB/log/push.log"; fail "push alone"; }
done
current=$((current + 3))
node_start 2
LAB_POLL=0.1 wait_for 30 "lb2 to take the newest" both_on "$current"
wait_for 30 "all daemons to follow" agree
pair_up 1 2
chat_stop chat
say "three revisions pushed without lb2: it has the last one before it is in sync"

# --- two histories: nobody takes the other's by himself, and what syncd(8) says resolves it
node_stop 2
sed -i 's/weight 33;/weight 34;/' "$LAB/new.conf"
push 1 --no-confirm --alone "lb2 is away"
((status == 0)) || { cat "$LAB/log/push.log"; fail "push alone"; }
node_stop 1
node_start 2
LAB_POLL=0.1 wait_for 30 "lb2 active" has_role 2 active
sed -i 's/weight 34;/weight 35;/' "$LAB/new.conf"
push 2 --no-confirm --alone "lb1 is away"
((status == 0)) || { cat "$LAB/log/push.log"; fail "push alone on lb2"; }
node_start 1
says_split() { [[ $(field "$1" sync.revision_why) == *"two histories"* ]]; }
wait_for 30 "lb1 to tell of two histories" says_split 1
wait_for 30 "lb2 to tell of two histories" says_split 2
[[ $(field 1 sync.state) != in-sync ]] || fail "in sync with another history"
push 2 --no-confirm
((status == 4)) || { cat "$LAB/log/push.log"; fail "a push with two histories: exit $status"; }
pairctl 2 adopt nobody >"$LAB/log/push.log" 2>&1 && fail "adopted nobody's"
says "is no node of this pair: lb1 and lb2 are"
pairctl 2 adopt lb2 >"$LAB/log/push.log" 2>&1 || { cat "$LAB/log/push.log"; fail "adopt lb2"; }
wait_for 30 "lb1 to take lb2's" agree
pair_up 2 1
status=0
pairctl 1 adopt lb2 >"$LAB/log/push.log" 2>&1 || status=$?
((status == 4)) || fail "adopted once more: exit $status"
sed -i 's/weight 35;/weight 36;/' "$LAB/new.conf"
push 1 --no-confirm
((status == 0)) || { cat "$LAB/log/push.log"; fail "push after that: exit $status"; }
wait_for 30 "all daemons to follow" agree
say "two histories: told by both, taken by none, and resolved by one command"
