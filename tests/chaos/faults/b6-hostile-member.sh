# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A member answers the checker with headers that never end, a byte a second, or as much as the wire
# carries.  Each is found bad, the checker takes no more time or memory for it, and a port that is well
# on the same member is judged so in time.
id=B6
title="a member answers its checks with a flood, endless headers and one byte a second"
touches="all"
hold_ms=6000
dark_ms=5 connect_ms=100
stays=1

service() {
	printf '    service %s { ports %s; check http { path /; interval 1s; timeout 800ms; fall 2 } }\\\n' \
		"$1" "$2"
}
with_checks() {
	local services
	services=$(
		service endless 60001
		service trickle 60002
		service flood 60003
		service fine 60004
	)
	sed "/^    member m1/i\\
${services%\\}" "$LAB/pair.conf" >"$LAB/new.conf"
}
verdict() { pairctl "$1" -j members 2>/dev/null | "$LAB_TOP/tests/lib/verdict.py" m1 "$2"; }
is_down() {
	local name
	for name in endless trickle flood; do
		[[ $(verdict "$1" "$name") == down* ]] || return 1
	done
}
is_fine() { [[ $(verdict "$1" fine) == up* ]]; }
checker_of() { pgrep -P "$(pid_of "lb$1-lbd")" | head -n 1; }
checker_kib() { awk '/^RssAnon/ { print $2 }' "/proc/$(checker_of "$1")/status"; }

prepare() {
	local member
	for member in "${LAB_MEMBERS[@]}"; do
		spawn "hostile-$member" "$member" "$LAB_TOP/tests/lib/webserver.py" \
			"$(member_address "$member")" - - 60001=endless 60002=trickle 60003=flood 60004=web
		wait_for 10 "the servers of $member" test -s "$LAB/log/hostile-$member.out"
	done
}
member_address() { ip -n "$1" -j -4 addr show eth0 | "$LAB_TOP/tests/lib/field.py" 0.addr_info.0.local; }
inject() {
	checker_kib "$1" >"$LAB/checker-kib"
	with_checks
	pairctl "$1" push "$LAB/new.conf" --no-confirm || fail "the push"
}
effect() { is_down "$1" && is_fine "$1"; }
heal() {
	local grown
	is_down "$1" || fail "a member that says nonsense is up: $(verdict "$1" endless)," \
		"$(verdict "$1" trickle), $(verdict "$1" flood)"
	is_fine "$1" || fail "who is well is not judged so in time: $(verdict "$1" fine)"
	grown=$(($(checker_kib "$1") - $(<"$LAB/checker-kib")))
	echo "the checker has grown by $grown KiB"
	((grown < 2048)) || fail "the checker has grown by $grown KiB"
	config_back "$1"
	local member
	for member in "${LAB_MEMBERS[@]}"; do
		signal -TERM "hostile-$member"
	done
}
