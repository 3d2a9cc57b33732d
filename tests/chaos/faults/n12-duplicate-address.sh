# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The bystander says to all hosts, 10 times a second, that the VIP is his.  Hosts believe the last who
# spoke, so it is dark between his word and that of the active node, which is one a second.
id=N12
title="another host says that it has the VIP"
touches="daemons node lan"
hold_ms=1000
dark_ms=1300 connect_ms=1500
heal_s=5
stays=1
alarm="problem: .*$LAB_VIP is claimed by ([0-9a-f]{2}:){5}[0-9a-f]{2} too" alarm_s=1

figure() { field "$1" "vrrp.$2"; }
inject() {
	figure "$1" defended >"$LAB/n12-defended"
	ms >"$LAB/n12-since"
	spawn claims bystander python3 "$LAB_TOP/tests/lib/claim.py" eth0 "$LAB_VIP" \
		"$(mac_of bystander eth0)" 100000 100
}
knows() { ip -n client neigh show "$LAB_VIP" | grep -q "lladdr $(mac_of "lb$1" eth0)"; }
# Of its own accord a host would ask again after 8 s.
heal() {
	signal -TERM claims
	wait_for 5 "the claims to end" gone claims
	wait_for 3 "the clients to know lb$1 again" knows "$1"
}
# It was announced again, and not more than once a second; who leads is not another for it.
check() {
	local times seconds
	times=$(($(figure "$1" defended) - $(<"$LAB/n12-defended")))
	seconds=$((($(ms) - $(<"$LAB/n12-since")) / 1000))
	((times > 0 && times <= seconds + 2)) || fail "announced $times times in $seconds s"
}
