#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's keepalived as the other router of our VRID, multicast and unicast, in both roles.  Then
# what a stranger on the LAN may send: it changes nothing and is counted under its name.

. "${0%/*}/scenes.sh"
need /usr/sbin/keepalived keepalived
lab_enter "$@"

FROM=10.20.0.100

ladder() {
	local rung
	scene "malformed adverts"
	on lb1 sysctl -qw net.ipv4.conf.eth0.accept_local=1
	for rung in short bad_ttl bad_version bad_type bad_length no_address no_interval \
		bad_checksum; do
		refused "$rung" "$FROM" 224.0.0.18
	done
	refused version_2 "$FROM" 224.0.0.18 bad_version
	refused own 10.20.0.11 224.0.0.18
	on client ping -q -c 1 -W 2 10.20.0.11 >/dev/null
	refused bad_destination "$FROM" 10.20.0.11
	steady lb1 5
	scene_end
}

# Another virtual router is none of our business, however loud.
stranger_vrid() {
	local before
	scene "an advert storm of another VRID"
	before=$(state)
	on client "$ADVERTS" forge eth0 "$FROM" 224.0.0.18 "$VRID" other_vrid 20000
	[[ $(state) == "$before" ]] ||
		fail "$SCENE: has moved something"
	scene_end
}

# A lesser router that speaks one form gets the answer in that form, padded by Ethernet or not.
dialect() {
	local form
	for form in rfc9568 padded; do
		on client "$ADVERTS" forge eth0 "$FROM" 224.0.0.18 "$VRID" "$form" 1
		wait_for 15 "ours to speak as in $form" last_checksum "${form/padded/rfc5798}"
		leads || fail "yielded to a lower one"
	done
	say "checksum: the form last heard is the form sent, either way"
}

joined() { on lb1 ip maddr show dev eth0 | grep -q 224.0.0.18; }

main() {
	MODE=()
	ours_start
	both_roles multicast
	dialect
	ladder
	stranger_vrid

	MODE=("unicast_src_ip 10.20.0.12" "unicast_peer { 10.20.0.11 }")
	ours_config "unicast yes"
	ours_restart
	both_roles unicast
	on client ping -q -c 1 -W 2 10.20.0.11 >/dev/null
	refused stranger "$FROM" 10.20.0.11
	# Where others have joined the group it is heard.
	spawn joined lb1 "$ADVERTS" join 10.20.0.11
	wait_for 5 "somebody on lb1 to join the group" joined
	refused bad_destination 10.20.0.12 224.0.0.18

	MODE=()
	KIND="virtual MAC"
	sed -i 's/unicast yes/virtual-mac yes/' "$LAB/pair.conf"
	on switch bridge link set dev lb1-eth0 learning on flood on
	ours_restart
	OURS=$(ip -n lb1 -o link show type macvlan | sed -n 's/.*: \(vrrp[^@]*\)@eth0.*/\1/p')
	wait_for 30 "ours to lead" leads
	ours_waits_for_higher
	ours_takes_over
	ours_is_respected 100
}

main
