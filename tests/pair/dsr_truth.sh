#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Mode dsr: a member without the VIP on its loopback answers every check of its own address, and no
# client.  The pair finds it by asking for the VIP, on either node and in both families, and it is
# back as soon as it answers.  An array of mode nat is asked for nothing of the kind,
# until its mode changes.

LAB_V6=1
. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

WITHOUT="no-answer-for-vip (loopback adapter missing?)"

# m3 alone is an array of mode nat, whose members have no VIP anywhere.
config() {
	lab_config
	sed -i -e 's/^    gateway .*/    mode dsr/' -e '/member m3/d' "$LAB/pair.conf"
	cat >>"$LAB/pair.conf" <<-END
		array routed {
		    vip 10.20.0.13; gateway $LAB_GATEWAY
		    service chat { ports 7000; check tcp { interval 500ms; timeout 400ms } }
		    member m3 { address 10.30.0.23 }
		}
	END
}

# Answers leave by eth1; the VIP is nobody's there, as far as ARP goes.
direct_answers() {
	local i member
	for i in 0 1; do
		member=${LAB_MEMBERS[i]}
		port "$member" eth1 br-out
		on "$member" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 \
			net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 \
			net.ipv6.conf.lo.disable_ipv6=0
		wire_v6 "$member" eth1 "2001:db8:20::$((21 + i))"
		pp ip -n "$member" addr add "10.20.0.$((21 + i))/24" dev eth1
		pp ip -n "$member" route del default
		pp ip -n "$member" -6 route del default
		vip4 "$member" add
		vip6 "$member" add
	done
}
vip4() { pp ip -n "$1" addr "$2" "$LAB_VIP/32" dev lo; }
vip6() { pp ip -n "$1" addr "$2" "$LAB_VIP6/128" dev lo nodad; }

verdict() { pairctl "$1" -j members 2>/dev/null | "$LAB_TOP/tests/lib/verdict.py" "$2" "$3"; }
# says NODE MEMBER WORDS: in the pool of the chat service.
says() { [[ $(verdict "$1" "$2" chat) == $3 ]]; }

# meanwhile FAMILY MEMBER: what a check of its own address would say.
meanwhile() {
	local address=10.30.0.2${2#m}
	[[ $1 == 4 ]] || address=2001:db8:30::2${2#m}
	on lb1 timeout 5 bash -c "exec 3<>/dev/tcp/$address/7000" ||
		fail "$2 does not answer at its own address"
}

# routed_is WORDS: that array's mode, by the same file on both nodes.
routed_is() {
	local node daemon
	sed -i "s/vip 10.20.0.13; .*/vip 10.20.0.13; $1/" "$LAB/pair.conf"
	for node in 1 2; do
		for daemon in lbd syncd vrrpd; do
			signal -HUP "lb$node-$daemon"
		done
	done
}

lab_wires
lab_members
config
direct_answers
pair_begin
for member in m1 m2; do
	LAB_POLL=0.1 wait_for 20 "$member up" says 1 "$member" "up tcp 7000 *"
done
LAB_POLL=0.1 wait_for 20 "the nat member up" says 1 m3 "up tcp 7000 *"

say "m1 loses the VIP: it is out, though it answers at its own address"
vip4 m1 del
LAB_POLL=0.1 wait_for 30 "m1 out" says 1 m1 "down vip 7000 $WITHOUT"
LAB_POLL=0.1 wait_for 30 "lb2 to obey" says 2 m1 "down vip 7000 $WITHOUT"
meanwhile 4 m1
says 1 m2 "up tcp 7000 *" || fail "m2: $(verdict 1 m2 chat)"
(($(grep -c "lab/m1 is down in chat: vip 7000 $WITHOUT" "$LAB/log/lb1-lbd.log") == 1)) ||
	fail "lb1 does not say so once"
chat_start chat 7000 60 "$LAB_CLIENTS" 30
(($(on m2 ss -Htn state established '( sport = :7000 )' | wc -l) == 60)) || fail "clients at m1"

say "lb2 takes over, with its own questions: m1 stays out, and comes back with the VIP"
pairctl 1 failover >"$LAB/log/failover.log" 2>&1 || fail "failover: $(cat "$LAB/log/failover.log")"
pair_up 2 1
says 2 m1 "down vip 7000 $WITHOUT" || fail "lb2: $(verdict 2 m1 chat)"
vip4 m1 add
LAB_POLL=0.1 wait_for 30 "m1 back" says 2 m1 "up tcp 7000 *"

say "the same of IPv6, and of a port that is not bound to the VIP"
vip6 m2 del
LAB_POLL=0.1 wait_for 30 "m2 out" says 2 m2 "down IPv6 vip 7000 $WITHOUT"
meanwhile 6 m2
vip6 m2 add
LAB_POLL=0.1 wait_for 30 "m2 back" says 2 m2 "up tcp 7000 *"
on m2 nft -f - <<-END
	table ip closed {
	    chain in { type filter hook input priority 0; ip daddr $LAB_VIP tcp dport 7000 iifname eth0 ip saddr 10.30.0.0/24 reject with tcp reset; }
	}
END
LAB_POLL=0.1 wait_for 30 "m2 out" says 2 m2 "down vip 7000 refused (not bound to the VIP?)"
on m2 nft delete table ip closed
LAB_POLL=0.1 wait_for 30 "m2 back" says 2 m2 "up tcp 7000 *"

says 2 m3 "up tcp 7000 *" || fail "nat: $(verdict 2 m3 chat)"
grep -q 'routed/m3 is down' "$LAB"/log/lb[12]-lbd.log && fail "an array of mode nat was touched"

say "that array becomes one of mode dsr, and of mode nat again"
routed_is "mode dsr"
LAB_POLL=0.1 wait_for 30 "m3 out" says 2 m3 "down vip 7000 $WITHOUT"
routed_is "gateway $LAB_GATEWAY"
LAB_POLL=0.1 wait_for 30 "m3 back" says 2 m3 "up tcp 7000 *"
chat_stop chat
say "a member without the VIP was found on both nodes; its own address had answered all the time"
