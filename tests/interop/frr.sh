#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's FRR as the other router of our VRID, in both roles.  It wants a macvlan with the virtual
# MAC, made by hand, and is silent towards a lesser advert, as it may be under RFC 5798.  IPV6=1, as
# in frr6.sh, is the same over IPv6.

. "${0%/*}/common.sh"
need /usr/lib/frr/vrrpd frr
lab_enter "$@"

# of VRID 51
VMAC=00:00:5e:00:01:33 VMAC_NAME=vrrp4-1
[[ -z $IPV6 ]] || VMAC=00:00:5e:00:02:33 VMAC_NAME=vrrp6-1

# A port that learns: the virtual MAC moves with FRR.
theirs_wires() {
	on switch bridge link set dev lb2-eth0 learning on flood on
	pp ip -n lb2 link add $VMAC_NAME link eth0 type macvlan mode bridge
	pp ip -n lb2 link set $VMAC_NAME address "$VMAC"
	if [[ -n $IPV6 ]]; then
		on lb2 sysctl -qw net.ipv6.conf.$VMAC_NAME.{accept_dad,disable_ipv6}=0
		pp ip -n lb2 link set $VMAC_NAME addrgenmode none
		return
	fi
	pp ip -n lb2 addr add "$LAB_VIP/32" dev $VMAC_NAME
	on lb2 sysctl -qw net.ipv4.conf.$VMAC_NAME.rp_filter=0 net.ipv4.conf.eth0.arp_ignore=1 \
		net.ipv4.conf.all.arp_ignore=1
}

# A source of its own, and what it advertises, which it does not add by itself; gone with "down".
theirs_addresses() {
	local address
	for address in fe80::f00 "$VIRTUAL_LINK_LOCAL" "$LAB_VIP"; do
		pp ip -n lb2 addr replace "$address/64" dev $VMAC_NAME nodad
	done
}

# theirs_start PRIORITY [KEYWORD...]: zebra and vrrpd of FRR, their files in the lab.
theirs_start() {
	local priority=$1 name
	shift
	pp ip -n lb2 link set $VMAC_NAME up
	[[ -z $IPV6 ]] || theirs_addresses
	mkdir -p "$LAB/frr"
	chown frr:frr "$LAB/frr"
	: >"$LAB/frr/zebra.conf"
	{
		echo "interface eth0"
		echo " vrrp $VRID version 3"
		echo " vrrp $VRID priority $priority"
		echo " vrrp $VRID advertisement-interval $ADVERT"
		# RFC 9568, erratum 8300: a link-local address is the first; FRR leaves it to us.
		[[ -z $IPV6 ]] || echo " vrrp $VRID ipv6 $VIRTUAL_LINK_LOCAL"
		echo " vrrp $VRID $([[ -n $IPV6 ]] && echo ipv6 || echo ip) $LAB_VIP"
		(($#)) && printf ' %s\n' "$@"
	} >"$LAB/frr/vrrpd.conf"
	chmod 644 "$LAB"/frr/*.conf
	for name in zebra vrrpd; do
		spawn "frr-$name" lb2 "${PUNCTUAL[@]}" "/usr/lib/frr/$name" --config_file "$LAB/frr/$name.conf" \
			--pid_file "$LAB/frr/$name.pid" --socket "$LAB/frr/zserv.api" \
			--vty_socket "$LAB/frr" --vty_addr 127.0.0.1 --vty_port 0 --log stdout
		wait_for 10 "FRR's $name to start" test -S "$LAB/frr/$name.vty"
	done
}

theirs_stop() {
	signal "${1:--TERM}" frr-vrrpd
	wait_for 10 "FRR's vrrpd to end" gone frr-vrrpd
	signal -KILL frr-zebra
	wait_for 10 "FRR's zebra to end" gone frr-zebra
	rm -f "$LAB"/frr/*.{vty,pid,api}
}

theirs_die() {
	pp ip -n switch link set lb2-eth0 down
	theirs_stop -KILL
	# The macvlan would live on and answer, which a dead machine's does not.
	pp ip -n lb2 link set $VMAC_NAME down
	pp ip -n switch link set lb2-eth0 up
}

main() {
	ours_start
	theirs_wires
	wait_for 30 "ours to lead" leads

	scene "we yield to a higher one that preempts"
	theirs_start 200
	wait_for 20 "ours to yield" waits
	owned_by lb2 $VMAC_NAME
	steady lb2 10
	scene_end

	scene "it dies, we take over"
	steady lb2 2
	theirs_die
	wait_for 15 "ours to lead" leads
	because "no adverts heard"
	owned_by lb1 eth0
	scene_end 450

	scene "it respects us as the higher"
	theirs_start 100
	steady lb1 15
	[[ $(heard lb2) == 0 ]] || fail "$SCENE: it was active beside us"
	owned_by lb1 eth0
	scene_end

	scene "we stop, it takes over within its skew"
	steady lb1 2
	signal -TERM lb1-vrrpd
	wait_for 15 "vrrpd to leave" gone lb1-vrrpd
	owned_by lb2 $VMAC_NAME
	released lb1
	scene_end 290

	scene "we come back and do not preempt a lower one"
	daemon_start 1 vrrpd
	await_daemon 1 vrrpd
	wait_for 15 "ours to wait" waits
	steady lb2 15
	waits || fail "$SCENE: we preempted"
	scene_end

	scene "it stops, we take over within our skew"
	steady lb2 2
	theirs_stop
	wait_for 15 "ours to lead" leads
	because "the active node released the role"
	owned_by lb1 eth0
	scene_end 290
	last_checksum rfc5798 || fail "our checksum is not the form that FRR takes"
}

main
