#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Adverts in unicast over both families, and as if a router lay between the nodes: no TTL is 255.  One
# family cut moves no role; daemons killed and stopped, planned failovers: never two that answer.  I3.

. "${0%/*}/../lib/drill.sh"
LAB_V6=1
LAB_UNICAST=1
lab_enter "$@"

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
	[[ $(field "$2" vrrp.held) == false ]] || drill_wrong "$1: the standby misses adverts"
	wait_for 10 "the standby to tell" tells_of "$2" "adverts of lb$(other "$2") come over IPv$3 only"
	lan_heal
	wait_for 10 "the standby to be content" content "$2"
}
tells_of() { pairctl "$1" status | grep -q "$2"; }
content() { ! tells_of "$1" "only: look at the LAN"; }
heard_more() { (($(field "$1" vrrp.adverts_received) >= heard + $2)); }
drill_no_ipv4() { one_family "ip protocol vrrp" "$2" 6 && stays "$1"; }
drill_no_ipv6() { one_family "ip6 nexthdr vrrp" "$2" 4 && stays "$1"; }
drill_planned() {
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
drill_end
