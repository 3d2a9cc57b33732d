#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Adverts in unicast over both families, and as if a router lay between the nodes: no TTL is 255.  One
# family cut moves no role; vrrpd killed and stopped, a planned failover: never two that answer.  Then
# what is announced, and what a node says that does not accept.  I3.

. "${0%/*}/../lib/drill.sh"
LAB_V6=1
LAB_UNICAST=1
lab_enter "$@"
ADVERTS=$LAB_TOP/tests/interop/adverts.py

# far NODE: what it sends has passed a router.
far() {
	on "lb$1" nft -f - <<-END || fail "nft refuses"
		table inet far {
		    chain out {
		        type filter hook postrouting priority 0
		        oifname eth0 meta l4proto vrrp ip ttl set 254 counter
		        oifname eth0 meta l4proto vrrp ip6 hoplimit set 254 counter
		    }
		}
	END
}
# Both rules have met adverts.
passed() { (($(on "lb$1" nft list table inet far | grep -c 'counter packets [1-9]') == 2)); }
bad_ttl() { pairctl "$1" -j status | grep -q '"name":"bad_ttl"'; }

# one_family PROTOCOL STANDBY LEFT: adverts over it get lost, those over IPvLEFT come.
one_family() {
	local heard
	heard=$(field "$2" vrrp.adverts_received)
	bridge_rules "$1 drop;"
	wait_for 10 "adverts over the other family" heard_more "$2" 10
	wait_for 10 "the standby not to miss adverts" misses_none "$2"
	wait_for 10 "the standby to tell" tells_of "$2" "adverts of lb$(other "$2") come over IPv$3 only"
	lan_heal
	wait_for 10 "the standby to be content" content "$2"
}
misses_none() { [[ $(field "$1" vrrp.held) == false ]]; }
tells_of() { pairctl "$1" status | grep -q "$2"; }
content() { ! tells_of "$1" "only: look at the LAN"; }
heard_more() { (($(field "$1" vrrp.adverts_received) >= heard + $2)); }
drill_no_ipv4() { one_family "ip protocol vrrp" "$2" 6 && stays "$1"; }
drill_no_ipv6() { one_family "ip6 nexthdr vrrp" "$2" 4 && stays "$1"; }
drill_planned() {
	planned_at=$(us)
	planned_to=$2
	pairctl "$1" failover >"$LAB/log/failover.log" 2>&1 ||
		drill_wrong "failover: $(cat "$LAB/log/failover.log")"
	await_role "$2" active
}
drill_kill_vrrpd() {
	daemon_kill "$1" vrrpd
	await_role "$2" active
	daemon_start "$1" vrrpd
	await_daemon "$1" vrrpd
}
drill_stop_vrrpd() {
	pp signal -STOP "lb$1-vrrpd"
	await_role "$2" active
	work 300
	pp signal -CONT "lb$1-vrrpd"
	await_role "$1" standby
}

LAB_TTL=254
# Hosts were told of each IPv6 address, and nobody waited for duplicates of it.
announced() {
	local address mac
	mac=$(mac_of "lb$planned_to" eth0)
	for address in "$LAB_VIP6" "$LAB_ROUTER6"; do
		"$LAB_TOP/tests/lib/judge.py" announced "$LAB/log/witness-planned.out" "$planned_at" \
			"$address" "$mac" >/dev/null || drill_wrong "$address was not announced"
		ip -n "lb$planned_to" -o -6 addr show dev eth0 to "$address" >"$LAB/log/address"
		grep -q nodad "$LAB/log/address" && ! grep -q tentative "$LAB/log/address" ||
			drill_wrong "$address: $(cat "$LAB/log/address")"
	done
}

# Accept_Mode false: neighbours and services are answered, and nothing else.
echoes() { on client ping -q -n -c 1 -W 1 "$1" >/dev/null; }
silent() { ! echoes "$1"; }
owned_by() { [[ $(on client "$ADVERTS" owners eth0 "$2") == "$(mac_of "lb$1" eth0)" ]]; }
accept_no() {
	local address node
	node=$(active)
	sed -i '/vrid 51/a accept no' "$LAB/pair.conf"
	for address in "$LAB_VIP6" "$LAB_ROUTER6%eth0"; do
		wait_for 5 "an echo from $address" echoes "$address"
	done
	signal -HUP lb1-vrrpd
	signal -HUP lb2-vrrpd
	for address in "$LAB_VIP6" "$LAB_ROUTER6%eth0"; do
		wait_for 10 "no echo from $address" silent "$address"
		wait_for 5 "lb$node to answer for $address" owned_by "$node" "${address%\%*}"
	done
	spawn probe client "$LAB_BUILD/tests/probe" "$LAB_VIP6" 7000 2001:db8:20::100 10
	work 1000
	signal -TERM probe
	wait_for 5 "probe to end" gone probe
	(($(chat_total probe opened) > 0)) || drill_wrong "accept no: the service is shut"
}

lab_wires
lab_members
lab_config
far 1
far 2
pair_begin
passed 1 || fail "no advert of lb1 has passed the rules that play the router"
! bad_ttl 2 || fail "adverts with a TTL of 254 are refused"
chat_start load 7000 50 10.20.0.120 30
for name in no_ipv4 no_ipv6 planned kill_vrrpd stop_vrrpd; do
	drill "$name" any
done
passed 1 && passed 2 || fail "adverts have not passed the rules that play the router"
chat_stop load
announced
accept_no
drill_end
