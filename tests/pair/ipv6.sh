#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A pair without any IPv4 address: adverts to the group, then in unicast.  Daemons killed and stopped,
# planned failovers; at no time do two stations answer for an address, the virtual router's link-local
# one among them.  I3.

. "${0%/*}/../lib/drill.sh"
LAB_V6=1
lab_enter "$@"

SOURCE=2001:db8:20::100

# The lab speaks both; the nodes and the file forget one.
only_ipv6() {
	local node device
	sed -i -e '/vip\|gateway\|member/s/10\.[0-9.]*, //' \
		-e 's/address 10\.20\.0\.\([0-9]*\); sync 192\.168\.77\.\(.\)/address 2001:db8:20::\1; sync fd77::\2/' \
		"$LAB/pair.conf"
	! grep -E '[0-9]+\.[0-9]+\.' "$LAB/pair.conf" || fail "an IPv4 address is left"
	for node in 1 2; do
		wire_v6 "lb$node" eth2 "fd77::$node"
		for device in eth0 eth1 eth2; do
			pp ip -n "lb$node" -4 addr flush dev "$device"
		done
	done
	LAB_VIP=$LAB_VIP6 LAB_GATEWAY=$LAB_GATEWAY6
}

probing() {
	on client ping -q -c 1 -I "$SOURCE" 2001:db8:20::11 >/dev/null
	on client ping -q -c 1 -I "$SOURCE" 2001:db8:20::12 >/dev/null
	spawn probe client "$LAB_BUILD/tests/probe" "$LAB_VIP" 7000 "$SOURCE" 5
	work 300
}
probed() {
	work 1000
	signal -TERM probe
	wait_for 5 "probe to end" gone probe
	(($(chat_total probe opened) > 0)) || drill_wrong "no connection was opened"
	say "connections opened and lost: $(chat_total probe opened failed)"
}
drill_planned() {
	probing
	pairctl "$1" failover >"$LAB/log/failover.log" 2>&1 ||
		drill_wrong "failover: $(cat "$LAB/log/failover.log")"
	await_role "$2" active
	probed
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
	pp signal -CONT "lb$1-vrrpd"
	await_role "$1" standby
}

lab_wires
lab_members
lab_config
only_ipv6
for mode in group unicast; do
	say "adverts to the $mode"
	[[ $mode == group ]] || sed -i '/vrid 51/a unicast yes' "$LAB/pair.conf"
	pair_begin
	say "lb1 speaks from $(field 1 vrrp.source.0)"
	for name in planned kill_vrrpd stop_vrrpd; do
		drill "$name" any
	done
	node_stop 2
	node_stop 1
done
drill_end
