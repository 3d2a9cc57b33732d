#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Other stations say that a floating address is theirs, over IPv4 and IPv6, outside and inside: the
# active node announces it again, so that hosts know the right one at once, but not more than once a
# second; it counts, and status names the station.  The nodes themselves are none of these.

. "${0%/*}/../lib/drill.sh"
LAB_SPACES+=(stranger)
lab_enter "$@"
LAB_V6=1

claim() { on "$1" python3 "$LAB_TOP/tests/lib/claim.py" eth0 "${@:2}"; }
disputed() { field "$1" vrrp.disputed; }
defended() { field "$1" vrrp.defended; }
is_disputed() { (($(disputed 2) == $1)); }
leads_for_long() { (($(field 2 vrrp.since_ms) > 1500)); } # before that, nobody is a stranger
alarm_names() { pairctl 2 status | grep -q "problem: .*$1 is claimed by $2 too, on $3,"; }
knows() { ip -n "$1" neigh show "$2" | grep -q "lladdr $3"; }

# contest SPACE ADDRESS INTERFACE-OF-LB2: one claim.  A host knows lb2 before it and soon after it.
contest() {
	local who=$1 address=$2 host=client before right
	[[ $who != m1 ]] || host=m2
	before=$(disputed 2)
	right=$(mac_of lb2 "$3")
	on "$host" ping -q -c 1 -W 2 "$address" >/dev/null || fail "$address does not answer"
	knows "$host" "$address" "$right" || fail "$host does not know lb2 at $address"
	claim "$who" "$address"
	wait_for 5 "the claim of $address to be counted" is_disputed $((before + 1))
	wait_for 5 "$host to know lb2 at $address again" knows "$host" "$address" "$right"
}

pair_start
port stranger eth0 br-out
STRANGER=$(mac_of stranger eth0)
chat_start load 7000 20 10.20.0.120 20
# A node that has led is known by its adverts.
pairctl 1 failover >/dev/null || fail "no failover"
await_role 2 active
await_settled
LAB_POLL=0.1 wait_for 5 "lb2 to have led for a while" leads_for_long

claim lb1 "$LAB_VIP"
claim lb1 "$LAB_VIP" "$(mac_of lb2 eth0)" # as a node that tells hosts of its peer
contest stranger "$LAB_VIP" eth0
[[ $(disputed 2) == 1 ]] || fail "a node of the pair was taken for a stranger"
alarm_names "$LAB_VIP" "$STRANGER" eth0 || fail "no alarm: $(pairctl 2 status | grep problem)"
FORM=reply contest stranger "$LAB_VIP" eth0
contest stranger "$LAB_VIP6" eth0
contest m1 "$LAB_GATEWAY" eth1

# In a flood of them: an address once a second, and once more at the end.
before=$(defended 2) begun=$SECONDS
claim stranger "$LAB_VIP" "$STRANGER" 500 2
wait_for 5 "the last word to be lb2's" knows client "$LAB_VIP" "$(mac_of lb2 eth0)"
times=$(($(defended 2) - before)) seconds=$((SECONDS - begun))
((times >= 1 && times <= seconds + 2)) || fail "announced $times times in $seconds s"

# It is told by who has the addresses.
[[ $(disputed 1) == 0 ]] || fail "the standby defends what it has not"
pairctl 2 failover >/dev/null || fail "no failover"
await_role 1 active
await_settled
! pairctl 2 status | grep -q "is claimed by" || fail "lb2 still tells of the stranger"
chat_stop load

# A host that has an address and tells those alone who ask for it is asked.
is_told() { grep -q "${1% *} is claimed by $STRANGER too, on eth0:" "$LAB/log/lb1-vrrpd.log"; }
on stranger sysctl -q -w net.ipv6.conf.eth0.disable_ipv6=0
for address in "$LAB_VIP" "$LAB_VIP6 nodad"; do
	# shellcheck disable=SC2086 # words
	ip -n stranger address add $address dev eth0
	wait_for 30 "a silent owner of ${address% *} to be found" is_told "$address"
	ip -n stranger address flush dev eth0
done
pairctl 1 status | grep -q "$LAB_VIP is claimed by $STRANGER too, on eth0,.*; more in dispute: 1" ||
	fail "no alarm: $(pairctl 1 status | grep problem)"
say "$(disputed 2) claims of strangers, $(defended 2) announcements; 20 sessions lived on"
