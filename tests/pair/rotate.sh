#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Keys of the channel are exchanged while sessions come and go: the key of either node, and the
# connection's own, second after second.  Nothing is lost, no snapshot is made, and the standby holds
# everything all the time.  A key that is taken out ends its connection at once.  I1, I6.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

reload() { signal -HUP "lb$1-syncd"; }
keys_are() { [[ $(field "$1" sync.own_key sync.peer_key sync.channel_up) == "$2 $3 true" ]]; }
# The configuration that a node runs, as it says itself.
runs() { [[ $(field "$1" sync.config_digest) == "$digest" ]]; }
write_config() {
	local node
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "not a configuration"; }
	digest=$("$LAB_BUILD/pairctl" -j check "$LAB/pair.conf" |
		"$LAB_TOP/tests/lib/field.py" config_digest)
	for node; do
		reload "$node"
		wait_for 5 "lb$node to read its configuration" runs "$node"
	done
}

# exchange NODE FIRST SECOND: the whole way of one key, the nodes reloaded in that order.
exchange() {
	local node=$1 new old
	old=$("$LAB_BUILD/pairctl" keygen --show --key "$LAB/lb$node/node.key" |
		sed -n 's/^public-key *//p')
	new=$("$LAB_BUILD/pairctl" keygen --next --key "$LAB/lb$node/node.key" \
		2>>"$LAB/log/keygen.log" | sed -n 's/^next-public-key *//p')
	[[ -n $old && -n $new && $old != "$new" ]] || fail "no next key"
	sync_mark
	sed -i "s|public-key $old|public-key $old; next-public-key $new|" "$LAB/pair.conf"
	write_config "$2" "$3"
	LAB_POLL=0.1 wait_for 30 "lb$node to use its new key" keys_are "$node" next current
	LAB_POLL=0.1 wait_for 5 "the other node to see it" keys_are $((3 - node)) current next
	"$LAB_BUILD/pairctl" keygen --promote --key "$LAB/lb$node/node.key" \
		>>"$LAB/log/keygen.log" 2>&1 || fail "keygen --promote failed"
	sed -i "s|public-key $old; next-public-key $new|public-key $new|" "$LAB/pair.conf"
	write_config "$2" "$3"
	wait_for 5 "lb$node to call it its key" keys_are "$node" current current
	sync_undisturbed "the key of lb$node"
	! grep -rqE 'csk1_' "$LAB"/log || fail "a secret key is in a log"
	say "key of lb$node exchanged: no snapshot, in sync all the time"
}

# Each renewal is a whole greeting and a resume by position.
renewals() {
	local before want=${RENEWALS:-5}
	before=$(field 2 sync.resumes)
	sync_mark
	sed -i 's|path eth2;|path eth2; rekey 1s;|' "$LAB/pair.conf"
	write_config 1 2
	LAB_POLL=0.2 wait_for $((want * 3 + 10)) "$want renewals" renewed $((before + want))
	sed -i 's| rekey 1s;||' "$LAB/pair.conf"
	write_config 1 2
	sync_undisturbed "renewal"
	holds_all renewal || fail "a node says in-sync, and the tables differ"
	say "renewed $(($(field 2 sync.resumes) - before)) times, one each second"
}
renewed() { (($(field 2 sync.resumes) >= $1)); }

# The shared secret comes while the pair works; with another one nobody gets a connection.
shared_secret() {
	sync_mark
	"$LAB_BUILD/pairctl" keygen --psk --key "$LAB/lb1/node.key" >>"$LAB/log/keygen.log" 2>&1 ||
		fail "keygen --psk failed"
	cp -p "$LAB/lb1/pair.psk" "$LAB/lb2/pair.psk"
	sed -i 's|path eth2;|path eth2; psk yes;|' "$LAB/pair.conf"
	write_config 2 1
	LAB_POLL=0.1 wait_for 20 "a connection with the psk" with_psk
	mv "$LAB/lb2/pair.psk" "$LAB/good.psk"
	"$LAB_BUILD/pairctl" keygen --psk --key "$LAB/lb2/node.key" >>"$LAB/log/keygen.log" 2>&1 ||
		fail "no second psk"
	reload 2
	LAB_POLL=0.1 wait_for 10 "another psk to be refused by lb2" counted 2 bad-psk 1
	LAB_POLL=0.1 wait_for 10 "lb1 to count that" counted 1 refused-by-peer 1
	mv "$LAB/good.psk" "$LAB/lb2/pair.psk"
	reload 2
	sync_undisturbed "the psk"
	! grep -rqE 'cps1_' "$LAB"/log || fail "the psk is in a log"
	say "psk: switched on while in sync; another one is refused as $(pairctl 2 -j status |
		grep -o '"bad-psk","value":[0-9]*')"
}
with_psk() { [[ $(field 1 sync.psk) == true && $(field 2 sync.psk) == true ]]; }

# The peer's key is replaced by one that nobody has: no word more from who has the old one.
revoked() {
	local old other
	old=$("$LAB_BUILD/pairctl" keygen --show --key "$LAB/lb2/node.key" | sed -n 's/^public-key *//p')
	other=$("$LAB_BUILD/pairctl" keygen --key "$LAB/other.key" 2>/dev/null | sed -n 's/^public-key *//p')
	cp "$LAB/pair.conf" "$LAB/pair.conf.good"
	sed -i "s|$old|$other|" "$LAB/pair.conf"
	write_config 1
	wait_for 5 "the connection to end" counted 1 key-removed 1
	LAB_POLL=0.1 wait_for 10 "lb2 to be refused" counted 1 bad-tag 2
	[[ $(field 1 sync.channel_up) == false ]] || fail "a removed key has a channel"
	cp "$LAB/pair.conf.good" "$LAB/pair.conf"
	write_config 1
	pair_up 1 2
	say "a key that is taken out ends its connection, and is refused"
}
counted() {
	local n
	n=$(pairctl "$1" -j status | grep -o "\"name\":\"$2\",\"value\":[0-9]*" | grep -o '[0-9]*$')
	((n >= $3))
}

# A stall of this machine is no silence; with the default of 1s a path is left after half a second.
LAB_PEER_TIMEOUT=${LAB_PEER_TIMEOUT:-3s}
digest=
pair_start
chat_start chat 7000 60 10.20.0.100 20
work 500
renewals
exchange 1 1 2
exchange 2 2 1
exchange 2 1 2
shared_secret
revoked
chat_stop chat
