# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Its endpoint mapper answers and names the port, at which nobody is any more: a check of the mapper
# alone would go on sending clients there.  A client of that member goes to another with both of its
# lines; sessions of other services on it go on.
id=B5
title="a member's endpoint mapper is well, and the port that it names is dead"
touches="all"
member=m1
lost=any
hold_ms=2000
dark_ms=5 connect_ms=100
stays=1

with_check() {
	local every="interval 300ms; timeout 300ms; fall 2; rise 1"
	sed -e "s,check tcp { port [0-9]*; interval.*,check rpc-epm { interface rpc-client-access\, address-book; $every }," \
		-e "/follow rpc-epm/s,idle-timeout,on-member-down reset; idle-timeout," \
		"$LAB/pair.conf" >"$LAB/new.conf"
}
verdict() { pairctl "$1" -j members 2>/dev/null | "$LAB_TOP/tests/lib/verdict.py" "$2" rpc; }
# shellcheck disable=SC2053 # a pattern
is() { [[ $(verdict "$1" "$2") == $3 ]]; }
all_are_up() { is "$1" m1 'up *' && is "$1" m2 'up *' && is "$1" m3 'up *'; }

# Members serve mail clients anyway, unless there are none in this run.
prepare() {
	local member
	for member in "${LAB_MEMBERS[@]}"; do
		lives "cas-$member" || cas_start "$member" mapi=6101-6199 book=6201-6299
	done
	with_check
	pairctl "$1" push "$LAB/new.conf" --no-confirm || fail "the push"
	LAB_POLL=0.1 wait_for 20 "all members to be up" all_are_up "$1"
	is "$1" m1 "up rpc 135 *; $(cas_port m1 mapi),*" || fail "the port is not asked: $(verdict "$1" m1)"
}
inject() { cas_fail m1 mapi die; }
is_found() { is "$1" m1 "down rpc $(cas_port m1 mapi) refused (emsmdb)"; }
effect() { is_found "$1"; }
heal() {
	is_found "$1" || fail "the check says: $(verdict "$1" m1)"
	is "$1" m2 'up *' && is "$1" m3 'up *' || fail "others are condemned too"
	cas_fail m1 mapi well
	LAB_POLL=0.1 wait_for 20 "m1 to be up again" is "$1" m1 'up *'
}
check() { config_back "$1"; }
