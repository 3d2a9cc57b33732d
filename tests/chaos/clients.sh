# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Who uses the pair while it is hurt, and who only looks on.  Everything they write is history.

SESSIONS=50 BULK=20 RPC=${LAB_SAMBA:+10} FRESH_RATE=${FRESH_RATE:-100}
FRESH_FROM=10.20.0.150 FRESH_SOURCES=13 PROBE_FROM=10.20.0.163
BYSTANDER=10.20.0.50
# Beside those: mail clients, with two lines each, at stand-ins for a CAS; and transfers by TLS.
CLIENTS=${CLIENTS-mapi tls}
MAPI=20 TLS=4 TLS_PORT=7443 TLS_FROM=10.20.0.110
[[ -z $LAB_SAMBA ]] || CLIENTS=${CLIENTS/mapi/} # which has port 135 of the members
[[ $CLIENTS == *mapi* ]] || MAPI=0
. "$LAB_TOP/tests/lib/cas.sh"

# hold NAME PORT SESSIONS FIRST-SOURCE SOURCES EVERY-MS: they wait for up to 15 s for an answer.  When
# that was too long is the judge's to say.
hold() {
	spawn "$1" client "$LAB_BUILD/tests/chat" hold "$LAB_VIP" "$2" "$3" "$4" "$5" "$6" 15000
	wait_for 20 "$1: $3 sessions to open" grep -q "\"open\":$3," "$LAB/log/$1.out"
}
# The same sources on two ports of one affinity group, for the whole run.
sessions_start() {
	hold chat 7000 "$SESSIONS" 10.20.0.120 30 75
	hold bulk 7001 "$BULK" 10.20.0.120 30 75
	[[ -z $LAB_SAMBA ]] || rpc_start
	((MAPI == 0)) || mapi_start
}
mapi_start() {
	spawn mapi client "$LAB_BUILD/tests/mapi" "$LAB_VIP" "$MAPI" "$LAB_CLIENTS" 10 250
	LAB_POLL=0.1 wait_for 30 "mail clients to hold their lines" mapi_whole
}
# All lines are there, and each is answered.
mapi_whole() {
	[[ $(grep '}$' "$LAB/log/mapi.out" | tail -n 1 |
		"$LAB_TOP/tests/lib/field.py" held waiting torn) == "$((2 * MAPI)) 0 0" ]]
}
rpc_start() {
	spawn rpc client "$LAB_TOP/tests/lib/samr.py" "$LAB_VIP" "$LAB_CLIENTS" "$RPC"
	wait_for 60 "RPC sessions to open" rpc_open
}
rpc_open() { (($(grep -c '"event": "open"' "$LAB/log/rpc.out") == RPC)); }
# One that was lost stays so: who comes next begins with all of them.
sessions_renew() {
	local name
	sessions_whole && return
	for name in chat bulk rpc mapi; do
		signal -KILL "$name"
	done
	sessions_start
}
sessions_whole() {
	local name
	for name in chat bulk; do
		grep -qE '"event":"(lost|moved)"' "$LAB/log/$name.out" && return 1
	done
	! grep -qE '"event": "(lost|moved)"' "$LAB/log/rpc.out" 2>/dev/null || return 1
	((MAPI == 0)) || await 5000 mapi_whole
}

calm() {
	local name waiting
	for name in chat bulk; do
		waiting=$(grep '"event":"count".*}$' "$LAB/log/$name.out" | tail -n 1 |
			"$LAB_TOP/tests/lib/field.py" waiting_ms)
		((${waiting%.*} < 500)) || return 1
	done
}

# A host on the same wire that a node has never heard of would wait for ARP: not so behind a router.
nodes_meet_clients() {
	local last node
	for ((last = 150; last < 164; last++)); do
		for node in 1 2; do
			on client ping -q -c 1 -W 1 -I "10.20.0.$last" "10.20.0.1$node" >/dev/null &
		done
	done
	wait
	on client ping -q -c 1 -W 1 "$LAB_VIP" >/dev/null
	on client ping -q -c 1 -W 1 "$BYSTANDER" >/dev/null
}

watch_start() {
	spawn "watch-$1" client "$LAB_TOP/tests/demo/watch.py" --positions "$LAB_BUILD/pairctl" \
		"$LAB/lb$1/run"
}

# servers_start MEMBER: what serves them there.
servers_start() {
	((MAPI == 0)) || cas_start "$1" mapi=6101-6199 book=6201-6299
	[[ $CLIENTS != *tls* ]] || spawn "tls-$1" "$1" "$CHAOS/transfer.py" serve "$1" 0.0.0.0 \
		"$TLS_PORT" "$LAB/tls.pem" "$LAB/tls.key"
}
certificate_make() {
	[[ $CLIENTS == *tls* ]] || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=lab \
		-keyout "$LAB/tls.key" -out "$LAB/tls.pem" 2>>"$LAB/log/openssl.log" ||
		fail "no certificate"
}
transfers_start() {
	[[ $CLIENTS == *tls* ]] || return 0
	spawn tls client "$CHAOS/transfer.py" fetch "$LAB_VIP" "$TLS_PORT" "$TLS" "$TLS_FROM" \
		"$LAB/tls.pem"
	wait_for 20 "transfers to begin" transfers_open
	echo tls >>"$LAB/clients"
}
transfers_open() { (($(grep -c '"event": "open"' "$LAB/log/tls.out") == TLS)); }

# accounts_take: both nodes' counters, and the kernel's of the same frames.
accounts_take() {
	local node readers=()
	for node in 1 2; do
		account_take "$node" >>"$LAB/log/account-$node.out" 2>>"$LAB/log/account-$node.log" &
		readers+=($!)
	done
	wait "${readers[@]}"
}
# Some faults begin with a node that is off.
account_take() {
	lives "lb$1-lbd" || { echo '{"off": true}'; return; }
	on "lb$1" "$CHAOS/account.py" "$LAB_BUILD/pairctl" "$LAB/lb$1/run" "$LAB/bpf/lb$1"
}

# passage_start: a tap on the switch, on the segments of the clients that stay.
passage_start() {
	spawn passage switch "$LAB_BUILD/tests/passage" "$LAB_CLIENTS" 50 \
		lb1 lb1-eth0 lb1-eth1 lb2 lb2-eth0 lb2-eth1
	wait_for 5 "the tap of segments" grep -q listens "$LAB/log/passage.out"
}

# overhear_start: a tap at both ends of the channel, for the whole run: where a frame begins can be told
# only of a connection that was heard from its first byte on.
overhear_start() {
	spawn overhear switch "$LAB_BUILD/tests/overhear" 7790 "$CABLE_MARK" \
		/run/netns/lb1 192.168.77.1 /run/netns/lb2 192.168.77.2
	wait_for 5 "the taps of the channel" grep -q listens "$LAB/log/overhear.out"
}
# It tells what it has heard so far.
overhear_ask() {
	local before
	before=$(overhear_told)
	signal -USR1 overhear
	wait_for 60 "what was heard on the channel" overhear_has_told "$before"
}
overhear_told() { grep -c '"told"' "$LAB/log/overhear.out"; }
overhear_has_told() { (($(overhear_told) > $1)); }

syncd_first=() syncd_last=() # lines of a node's log
# overhear_begin: an episode's record begins here.
overhear_begin() {
	local node
	rm -f "$LAB"/log/badwire-[12].out
	for node in 1 2; do
		: >"$LAB/log/channel-$node.out"
		syncd_first[node]=$(($(wc -l <"$LAB/log/lb$node-syncd.log") + 1))
	done
	overhear_ask
	# From there on; it says how many frames were lost before.
	overhear_first=$(grep -n '"told"' "$LAB/log/overhear.out" | tail -n 1 | cut -d: -f1)
	channel_take
}
# overhear_end: and ends here.  The taps know of each end that a log has until now.
overhear_end() {
	local node
	for node in 1 2; do
		syncd_last[node]=$(wc -l <"$LAB/log/lb$node-syncd.log")
	done
	overhear_ask
}
overhear_collect() {
	local node
	tail -n "+$overhear_first" "$LAB/log/overhear.out" >"$1/overhear.out"
	for node in 1 2; do
		head -n "${syncd_last[node]}" "$LAB/log/lb$node-syncd.log" |
			tail -n "+${syncd_first[node]}" >"$1/syncd-$node.log"
		cp "$LAB/log/channel-$node.out" "$1/"
	done
	cp "$LAB"/log/badwire-[12].out "$1/" 2>/dev/null
}

# channel_take: what both nodes say of it, at the begin and at the end.
channel_take() {
	local node
	for node in 1 2; do
		pairctl "$node" -j status >>"$LAB/log/channel-$node.out" 2>/dev/null
	done
}

# meters_start: for one episode.  `control` and `control-probe` ask a host that no fault touches: what
# these miss is the machine's doing, and so is what `machine` tells.
meters_start() {
	local name
	: >"$LAB/clients"
	: >"$LAB/log/account-1.out"
	: >"$LAB/log/account-2.out"
	nodes_meet_clients
	declare -gA first_line=()
	for name in chat bulk rpc mapi; do
		[[ ! -e $LAB/log/$name.out ]] || first_line[$name]=$(($(wc -l <"$LAB/log/$name.out") + 1))
	done
	witness_start
	passage_start
	spawn machine switch "$LAB_BUILD/tests/standstill"
	spawn echo client "$LAB_BUILD/tests/blackout" ping "$LAB_VIP"
	spawn control client "$LAB_BUILD/tests/blackout" ping "$BYSTANDER"
	spawn probe client "$LAB_BUILD/tests/probe" "$LAB_VIP" 7000 "$PROBE_FROM" 10
	spawn control-probe client "$LAB_BUILD/tests/probe" "$BYSTANDER" 7000 "$PROBE_FROM" 10
	spawn fresh client "$LAB_BUILD/tests/fresh" burst "$LAB_VIP" 7000 "$FRESH_FROM" \
		"$FRESH_SOURCES" "$FRESH_RATE"
	watch_start 1
	watch_start 2
	overhear_begin
	((MAPI == 0)) || signal -USR1 mapi # counts anew
	transfers_start
}

# newcomers_stop: none comes any more; those that have come end first.
newcomers_stop() {
	signal -TERM fresh
	signal -TERM probe
	wait_for 30 "new connections to end" gone fresh
	wait_for 5 "probe to end" gone probe
}
meters_stop() {
	local name
	for name in machine echo control control-probe; do
		signal -TERM "$name"
		wait_for 5 "$name to end" gone "$name"
	done
	signal -TERM watch-1
	signal -TERM watch-2
	witness_stop
	overhear_end
	signal -TERM passage
	wait_for 15 "the tap of segments to end" gone passage
}

# client_joins NAME PORT SESSIONS EVERY-MS [FIRST-SOURCE SOURCES]: sessions of one episode, which a
# fault's script begins.
client_joins() {
	hold "$1" "$2" "$3" "${5:-10.20.0.120}" "${6:-30}" "$4"
	echo "$1" >>"$LAB/clients"
}
clients_leave() {
	local name
	while read -r name; do
		signal -TERM "$name"
		wait_for 15 "$name to end" gone "$name"
	done <"$LAB/clients"
}
