#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Path MTU discovery through the pair in modes nat and snat, in both families: a router on the way to
# the client and one on the way to the member take smaller packets than the ends send, and say so by
# ICMP to an address of the pair; then the pair's own link is the small one.  Without the error at the
# right end a transfer never ends, for nobody here probes.
#
#	far --1400-- outer == br-out == pair == br-in == m1
#	                                            \== inner --1320-- m3

# shellcheck disable=SC2034 # for what is sourced
LAB_V6=1 MODES_SNAT_MEMBER="10.50.0.23, 2001:db8:50::23"
. "${0%/*}/../lib/pair.sh"
. "${0%/*}/../lib/modes.sh"
modes_need
lab_enter "$@"

LAB_SPACES+=(far outer inner)
LIMIT=30 # seconds for a transfer that takes one

# router SPACE BRIDGE NET HOST ITS-NET ITS-ADDRESS MTU: between a bridge and a host, towards which it
# takes no more.
router() {
	on "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.disable_ipv6=0 \
		net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.all.forwarding=1
	port "$1" eth0 "$2"
	pp ip -n "$1" addr add "10.$3.0.90/24" dev eth0
	wire_v6 "$1" eth0 "2001:db8:$3::90"
	cable "$1" eth1 "$4" eth9
	pp ip -n "$1" addr add "10.$5.0.1/24" dev eth1
	wire_v6 "$1" eth1 "2001:db8:$5::1"
	pp ip -n "$1" link set eth1 mtu "$7" up
	pp ip -n "$4" addr add "10.$5.0.$6/24" dev eth9
	wire_v6 "$4" eth9 "2001:db8:$5::$6"
	pp ip -n "$4" link set eth9 up
	pp ip -n "$4" route add default via "10.$5.0.1"
	pp ip -n "$4" -6 route add default via "2001:db8:$5::1"
}

routes() {
	local node
	for node in 1 2; do
		pp ip -n "lb$node" route add 10.40.0.0/24 via 10.20.0.90
		pp ip -n "lb$node" route add 2001:db8:40::/64 via 2001:db8:20::90
		pp ip -n "lb$node" route add 10.50.0.0/24 via 10.30.0.90
		pp ip -n "lb$node" route add 2001:db8:50::/64 via 2001:db8:30::90
	done
}

# discovers WHAT COUNTER COMMAND...: the transfer ends, and such an error was brought to its end.
discovers() {
	local what=$1 name=$2 before now
	shift 2
	before=$(counter 1 "$name")
	"$@" --max-time "$LIMIT" || fail "$what: the transfer did not end"
	now=$(counter 1 "$name")
	((now > before)) || fail "$what: $name has not risen"
	say "$what: done, $name $before -> $now"
}

modes_wires
router outer br-out 20 far 40 2 1400
pp ip -n m3 link set eth0 down
router inner br-in 30 m3 50 23 1320
routes
web_files 4194304
web_serve m1
web_serve m3
modes_config
pair_begin

for family in 4 6; do
	[[ $family == 4 ]] && nat=${MODES_VIP[nat]} snat=${MODES_VIP[snat]} ||
		{ nat=${MODES_VIP6[nat]} snat=${MODES_VIP6[snat]}; }
	discovers "nat, IPv$family, far client" icmp_in web_get far "$nat"
	discovers "snat, IPv$family, far client" icmp_in web_get far "$snat"
	discovers "snat, IPv$family, far member" icmp_out web_put client "$snat" m3
done

# The pair's own link: it answers by itself, the member from the address that this speaks to.
pp ip -n lb1 link set eth0 mtu 1300
for family in 4 6; do
	[[ $family == 4 ]] && snat=${MODES_VIP[snat]} || snat=${MODES_VIP6[snat]}
	discovers "snat, IPv$family, the pair's link" answered web_get client "$snat"
done
say "path MTU discovery works both ways in nat and snat"
