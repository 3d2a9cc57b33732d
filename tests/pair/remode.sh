#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An array's mode changes by reload, from nat to dsr, to snat and back, with chat sessions and file
# transfers under way: each keeps the mode and the source it began with to its end, also when the role
# moves in between and when a node dies, and the files come whole; what begins has the new mode.  I1.

# shellcheck disable=SC2034 # for what is sourced
LAB_V6=1
. "${0%/*}/../lib/pair.sh"
. "${0%/*}/../lib/modes.sh"
modes_need
lab_enter "$@"

SESSIONS=30
BYTES=33554432 # more than both ends keep in their sockets

# Members that are fit for every mode: routed by the pair, and with the VIP on lo.
wires() {
	local i
	lab_wires
	for i in "${!LAB_MEMBERS[@]}"; do
		member_answers_directly "${LAB_MEMBERS[i]}" $((21 + i)) "$LAB_VIP" "$LAB_VIP6"
	done
}

digests() { field "$1" lbd.config_digest vrrp.config_digest sync.config_digest; }
# Whether all daemons of both nodes have one configuration, and not that one.
has_changed() {
	local digest
	read -r -a digest <<<"$(digests 1) $(digests 2)"
	((${#digest[@]} == 6)) && [[ $(printf '%s\n' "${digest[@]}" | sort -u) == "${digest[0]}" &&
		${digest[0]} != "$1" ]]
}
# mode WORDS: by the same file on both nodes.
mode() {
	local before node daemon
	before=$(field 1 lbd.config_digest)
	sed -i "s/^    mode .*/    mode $1/" "$LAB/pair.conf"
	for node in 1 2; do
		for daemon in lbd syncd vrrpd; do
			signal -HUP "lb$node-$daemon"
		done
	done
	LAB_POLL=0.1 wait_for 30 "mode $1 to be in force" has_changed "$before"
}

# transfer NAME ADDRESS: begins; rests when the client has taken 1 MB, until $LAB/go is there.
transfer() {
	{
		web client "$2" --max-time 120 https://lab.test/file |
			{
				head -c 1000000
				: >"$LAB/begun-$1"
				until [[ -e $LAB/go ]]; do sleep 0.1; done
				cat
			} | sha256sum >"$LAB/sum.$1" && mv "$LAB/sum.$1" "$LAB/sum-$1"
	} &
	wait_for 20 "transfer $1 to begin" test -e "$LAB/begun-$1"
}

# begin NAME: sessions and transfers; what begins now.
begin() {
	chat_start "$1" 7000 "$SESSIONS" 10.20.0.120 30
	transfer "$1-4" "$LAB_VIP"
	transfer "$1-6" "$LAB_VIP6"
	say "$1: $(seen)"
}

# seen: established sessions at the members, by what each member sees.
seen() {
	local member
	for member in "${LAB_MEMBERS[@]}"; do
		on "$member" ss -Htn state established '( sport = :7000 or sport = :443 )'
	done | sed 's/\[::ffff:\([0-9.]*\)]/\1/g' | awk '
		{ here = $3; there = $4 }
		here ~ /^(10\.20|\[2001:db8:20:)/ { n["dsr"]++; next }
		there ~ /^(10\.30\.0\.20|\[2001:db8:30::20)/ { n["snat"]++; next }
		there ~ /^(10\.20\.0\.1[0-9][0-9]:|\[2001:db8:20::100)/ { n["nat"]++ }
		END { print n["nat"] + 0, n["dsr"] + 0, n["snat"] + 0 }'
}
# expect COUNT...: sessions in mode nat, dsr and snat.
expect() {
	[[ $(seen) == "$*" ]] || fail "sessions in nat, dsr and snat: $(seen), not $*"
}

wires
lab_members
web_files "$BYTES"
for member in "${LAB_MEMBERS[@]}"; do
	web_serve "$member"
done
lab_config
sed -i -e 's/^    gateway .*/&\n    snat-pool 10.30.0.200-10.30.0.201, 2001:db8:30::200\n    mode nat/' \
	-e 's/ports 7001;/ports 443;/' "$LAB/pair.conf"
pair_begin
each=$((SESSIONS + 2))

begin nat
expect $each 0 0
mode dsr
begin dsr
expect $each $each 0
LAB_POLL=0.1 wait_for 20 "lb2 to know them" knows_flows 2 $((2 * each))
pairctl 1 failover >"$LAB/log/failover.log" 2>&1 || fail "failover: $(<"$LAB/log/failover.log")"
pair_up 2 1
mode snat
begin snat
expect $each $each $each
LAB_POLL=0.1 wait_for 20 "lb1 to know them" knows_flows 1 $((3 * each))
mode nat
node_power_off 2
wait_for 20 "lb1 active" has_role 1 active
begin again
expect $((2 * each)) $each $each

: >"$LAB/go"
for name in nat dsr snat again; do
	for family in 4 6; do
		wait_for 60 "transfer $name-$family to end" test -e "$LAB/sum-$name-$family"
		[[ $(<"$LAB/sum-$name-$family") == "$WEB_SUM" ]] || fail "transfer $name-$family is not whole"
	done
	chat_stop "$name"
done
say "$((4 * SESSIONS)) sessions and 8 files in the mode each began with, through three changes of" \
	"mode, a failover and a death"
