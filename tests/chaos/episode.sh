# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# An episode: a healthy pair, one or more faults, a healthy pair again; recorded, then judged.

planted() {
	local daemon
	[[ -n $PLANTED ]] || return 0
	for daemon in lbd syncd vrrpd; do
		[[ ! -x $LAB_BUILD/planted/$PLANTED/$daemon ]] ||
			LAB_PROGRAM[$daemon]=$LAB_BUILD/planted/$PLANTED/$daemon
	done
	((${#LAB_PROGRAM[@]})) || fail "nothing is planted by that name: $PLANTED"
}

chaos_pair() {
	local member
	planted
	say "lab: two nodes, three members, $((SESSIONS + BULK + RPC + 2 * MAPI)) sessions, $FRESH_RATE new connections a second"
	lab_wires
	port bystander eth0 br-out
	pp ip -n bystander addr add "$BYSTANDER/24" dev eth0
	lab_members "$LAB_SAMBA"
	certificate_make
	spawn bystander bystander "$LAB_BUILD/tests/chat" serve bystander 7000
	for member in "${LAB_MEMBERS[@]}"; do
		# What a flood has left half open is gone when the next episode begins.
		on "$member" sysctl -qw net.ipv4.tcp_synack_retries=1
		spawn "bulk-$member" "$member" "$LAB_BUILD/tests/chat" serve "$member" 7001
		servers_start "$member"
	done
	lab_config
	sign_config
	overhear_start
	pair_begin
	sessions_start
}

# What a pushed configuration is signed with.
sign_config() {
	local node key
	for node in 1 2; do
		key=$("$LAB_BUILD/pairctl" keygen --show --key "$LAB/lb$node/node.key" |
			sed -n 's/^ *signing-key *//p')
		[[ -n $key ]] || fail "no signing key"
		sed -i "/^node lb$node {/a\    signing-key $key" "$LAB/pair.conf"
	done
}

# config_back NODE: what was there at the begin is pushed again, so that weights are as they were.
config_back() {
	LAB_POLL=0.2 wait_for 30 "the first configuration to be pushed" \
		pairctl "$1" push "$LAB/pair.conf" --no-confirm
	LAB_POLL=0.1 wait_for 30 "one revision on both nodes" one_revision
}

# await MS COMMAND...: like wait_for, but nothing ends when it does not come true.
await() {
	local until=$(($(ms) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		(($(ms) < until)) || return 1
		sleep 0.05
	done
}

# The pair did not heal: what comes next must not suffer from it.
pair_again() {
	local node
	lan_heal 2>/dev/null
	for node in 1 2; do
		on "lb$node" nft flush ruleset
		node_power_off "$node"
	done
	node_power_on 1
	LAB_POLL=0.1 wait_for 30 "lb1 active" has_role 1 active
	node_power_on 2
	await_settled
}

# begin_well ENTRY...: settled, calm, with the node in the lead that the faults ask for.
begin_well() {
	local entry node
	await 30000 settled || pair_again
	sessions_renew
	await 20000 calm
	for entry; do
		fault_load "${entry%%:*}"
		[[ -z $first ]] || back_to "$first"
		node=$(active)
		part prepare "$node" "$(other "$node")"
	done
}

live_all() {
	local entry name delay hold
	for entry; do
		IFS=: read -r name delay hold <<<"$entry"
		fault_live "$name" "$delay" "$hold" &
		lives+=($!)
	done
	wait "${lives[@]}"
}

revisions() {
	field 1 sync.revision lbd.config_digest vrrp.config_digest sync.config_digest
	field 2 sync.revision lbd.config_digest vrrp.config_digest sync.config_digest
}
one_revision() { [[ $(revisions | sort -u | wc -l) == 1 && $(revisions | head -n 1) == *[0-9a-f]* ]]; }
whole() { settled && one_revision; }

# heal_is_seen: one active node, one in sync, equal tables; how long that takes is the judge's.
heal_is_seen() {
	mark over
	if ! await 60000 whole; then
		mark unsettled "\"states\":\"$(plain "$(states)" "$(revisions)")\""
		return
	fi
	mark settled "\"active\":$(active)"
	newcomers_stop
	if await 15000 tables_equal 1 2; then
		mark tables "\"equal\":true" "\"figures\":$(<"$LAB/tables")"
	else
		mark tables "\"equal\":false" "\"figures\":$(grep -m 1 '^{' "$LAB/tables" || echo '{}')" \
			"\"which\":\"$(plain "$(head -n 4 "$LAB/log/tables.log")")\""
	fi
	mark verify "\"words\":\"$(plain "$(pairctl "$(active)" verify 2>&1 | tail -n 1)")\""
	mark revisions "\"both\":\"$(plain "$(revisions)")\""
	pairctl "$(active)" -j sessions >"$LAB/log/sessions.json" 2>/dev/null
}

check_all() {
	local entry node
	node=$(active)
	for entry; do
		fault_load "${entry%%:*}"
		part check "$node" "$(other "$node")"
	done
}

# collect DIRECTORY: the history of this episode.
collect() {
	local name
	rm -rf "$1" && mkdir -p "$1"
	for name in "${!first_line[@]}"; do
		tail -n "+${first_line[$name]}" "$LAB/log/$name.out" >"$1/$name.out"
	done
	for name in history machine witness echo control probe control-probe fresh watch-1 watch-2 account-1 account-2 \
		passage $(<"$LAB/clients"); do
		cp "$LAB/log/$name.out" "$1/"
	done
	overhear_collect "$1"
	cp "$LAB"/log/fault-*.log "$LAB/log/sessions.json" "$1/" 2>/dev/null
	rm -f "$LAB"/log/fault-*.log "$LAB/log/sessions.json"
}

judged() { "$CHAOS/judge.py" ${TIMES:+--tell-times} "$OUT/runs/$1"; }

# episode NAME ID:DELAY:HOLD...: fails when the judge does not like what it reads.
episode() {
	local name=$1 lives=() dice
	shift
	dice=$(cksum <<<"$name $SEED")
	dice=$((${dice%% *} % 32768)) # what is random in it is so again when it is played again
	: >"$LAB/log/history.out"
	begin_well "$@"
	meters_start
	mark begin "\"name\":\"$name\"" "\"active\":$(active)" \
		"\"sessions\":$((SESSIONS + BULK + RPC + 2 * MAPI))" "\"segments\":$(retransmits)"
	accounts_take
	work 300
	live_all "$@"
	heal_is_seen
	check_all "$@"
	newcomers_stop
	overhear_ask
	work 300
	channel_take
	accounts_take
	mark end "\"segments\":$(retransmits)"
	clients_leave
	meters_stop
	collect "$OUT/runs/$name"
	judged "$name"
}
