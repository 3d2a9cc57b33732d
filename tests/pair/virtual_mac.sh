#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# With virtual MAC addresses in both families: hosts never learn another, the switch does at each
# takeover, nothing leaves in their name but from the active node (interfaces of IPv6 like to speak by
# themselves), and the kernel's settings are put back at the end.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

VMAC=00:00:5e:00:01:33 VMAC6=00:00:5e:00:02:33 # of VRID 51
LAB_V6=1
ADVERTS=$LAB_TOP/tests/interop/adverts.py
FRAMES=$LAB/log/frames.out

# Switches that learn, as those of metal do.
learn() {
	local port
	for port in lb{1,2}-eth{0,1}; do
		on switch bridge link set dev "$port" learning on flood on
	done
}
settings() {
	on lb1 sysctl net.ipv4.conf.{all.rp_filter,eth0.arp_ignore,eth1.arp_ignore,eth0.arp_announce}
}
macvlans() { ip -n "lb$1" -o link show type macvlan | wc -l; }
owners() {
	[[ $2 != *:* ]] || { on "$1" "$ADVERTS" owners eth0 "$2" | sort -u | tr '\n' ' '; return; }
	nsenter --net="/run/netns/$1" -- "$LAB_BUILD/tests/blackout" owners eth0 "$2" | sort | uniq |
		tr '\n' ' '
}
# The client and the members know one station, and only that answers.
one_owner() {
	[[ $(owners client "$LAB_VIP") == "$VMAC " && $(owners m1 "$LAB_GATEWAY") == "$VMAC " ]] ||
		fail "$1: the VIP is answered for by $(owners client "$LAB_VIP"), the gateway by" \
			"$(owners m1 "$LAB_GATEWAY")"
	[[ $(owners client "$LAB_VIP6") == "$VMAC6 " && $(owners m1 "$LAB_GATEWAY6") == "$VMAC6 " &&
		$(owners client fe80::200:5eff:fe00:233) == "$VMAC6 " ]] ||
		fail "$1: $(owners client "$LAB_VIP6") answer for the VIP over IPv6," \
			"$(owners m1 "$LAB_GATEWAY6") for the gateway"
	ip -n client neigh show "$LAB_VIP" | grep -q "$VMAC" ||
		fail "$1: the client believes $(ip -n client neigh show "$LAB_VIP")"
}
# How often frames with a virtual address began to enter by another port of that switch.
moves() {
	python3 -c '
import json, sys
last, moves = None, 0
for frame in sorted(map(json.loads, open(sys.argv[1])), key=lambda frame: frame["t"]):
    # The data plane forwards known sessions on either node.
    if frame["port"].endswith(sys.argv[2]) and frame["protocol"] != 6 and \
            frame["source"] == sys.argv[3]:
        moves += last not in (None, frame["port"])
        last = frame["port"]
print(moves)' "$FRAMES" "$1" "$2"
}
planned() {
	pairctl "$1" failover >"$LAB/log/failover.log" 2>&1 ||
		fail "failover from lb$1: $(cat "$LAB/log/failover.log")"
	pair_up "$((3 - $1))" "$1"
}

lab_wires
learn
lab_members
lab_config
sed -i '/vrid 51/a virtual-mac yes' "$LAB/pair.conf"
on lb1 sysctl -qw net.ipv4.conf.all.rp_filter=2
settings >"$LAB/before"
spawn frames switch "$ADVERTS" senders 00:00:5e:00: \
	lb1-eth0 lb2-eth0 lb1-eth1 lb2-eth1
node_start 1
LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active
node_start 2
pair_up 1 2
chat_start load 7000 30 10.20.0.120 30
one_owner "at the start"
[[ $(settings) != "$(cat "$LAB/before")" ]] || fail "the settings of the kernel are as before"

planned 1
one_owner "lb2 leads"
planned 2
one_owner "lb1 leads"
daemon_kill 1 vrrpd
wait_for 5 "lb2 to lead" has_role 2 active
daemon_start 1 vrrpd
await_daemon 1 vrrpd
pair_up 2 1
one_owner "lb1's vrrpd was killed"
[[ $(macvlans 1) == 4 ]] || fail "lb1 has $(macvlans 1) interfaces after a crash"
# Some seconds in which a standby could speak.
work 5000
for lan in eth0 eth1; do
	for mac in "$VMAC" "$VMAC6"; do
		[[ $(moves "$lan" "$mac") == 3 ]] ||
			fail "$mac moved $(moves "$lan" "$mac") times on $lan, not 3"
	done
done
grep "$VMAC" "$FRAMES" | grep -q '"protocol": 112' &&
	grep "$VMAC6" "$FRAMES" | grep -q '"protocol": 112' ||
	fail "adverts did not come from the virtual address"
# A node that does not accept what is for itself answers ARP and serves; the lease says so.
echoes() { on client ping -q -n -c 1 -W 0.3 "$LAB_VIP" >/dev/null; }
silent() { ! echoes; }
echoes || fail "no echo from the VIP"
sed -i '/vrid 51/a accept no' "$LAB/pair.conf"
signal -HUP lb1-vrrpd
signal -HUP lb2-vrrpd
wait_for 5 "no echo from the VIP" silent
one_owner "accept no"
chat_stop load
node_stop 2
node_stop 1
[[ $(macvlans 1) == 0 ]] || fail "lb1 has $(macvlans 1) interfaces left after its stop"
[[ $(settings) == "$(cat "$LAB/before")" ]] ||
	fail "the settings of the kernel were not put back: $(settings)"
say "3 takeovers, 3 moves of each address on either LAN; 30 sessions lived on," \
	"longest stall $(chat_total load longest_stall_ms) ms"
