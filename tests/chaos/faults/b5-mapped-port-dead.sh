# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Its endpoint mapper answers and names the port, at which nobody is any more: a check of the mapper
# alone would go on sending clients there.  Sessions of other services on that member go on.
id=B5
title="a member's endpoint mapper is well, and the port that it names is dead"
touches="all"
hold_ms=2000
dark_ms=5 connect_ms=100
stays=1

. "$LAB_TOP/tests/lib/cas.sh"

with_check() {
	local every="interval 300ms; timeout 300ms; fall 2; rise 1"
	sed "s,check tcp { port [0-9]*; interval.*,check rpc-epm { interface rpc-client-access\, address-book; $every }," \
		"$LAB/pair.conf" >"$LAB/new.conf"
}
verdict() { pairctl "$1" -j members 2>/dev/null | "$LAB_TOP/tests/lib/verdict.py" "$2" rpc; }
is() { [[ $(verdict "$1" "$2") == $3 ]]; } # a pattern
all_are_up() { is "$1" m1 'up *' && is "$1" m2 'up *' && is "$1" m3 'up *'; }

prepare() {
	local member
	for member in "${LAB_MEMBERS[@]}"; do
		cas_start "$member" mapi=59511 book=59512 wait=200
	done
	with_check
	pairctl "$1" push "$LAB/new.conf" --no-confirm || fail "the push"
	LAB_POLL=0.1 wait_for 20 "all members to be up" all_are_up "$1"
}
inject() { cas_fail m1 mapi refuse; }
effect() { is "$1" m1 'down rpc 59511 refused (emsmdb)'; }
heal() {
	is "$1" m1 'down rpc 59511 refused (emsmdb)' || fail "the check says: $(verdict "$1" m1)"
	is "$1" m2 'up *' && is "$1" m3 'up *' || fail "others are condemned too"
	cas_fail m1 mapi well
	LAB_POLL=0.1 wait_for 20 "m1 to be up again" is "$1" m1 'up *'
}
check() {
	local member
	config_back "$1"
	for member in "${LAB_MEMBERS[@]}"; do
		signal -TERM "cas-$member"
		wait_for 10 "casmock of $member to end" gone "cas-$member"
		rm -f "$LAB/cas-$member"
	done
}
