# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=C3
title="a configuration with a mistake is pushed"
touches="config"
hold_ms=200
dark_ms=5 connect_ms=100
stays=1

inject() {
	local before
	before=$(field "$1" sync.revision) # that it is the peer's too is seen at the end
	sed 's/member m1 {/member m1 { weihgt 5;/' "$LAB/pair.conf" >"$LAB/new.conf"
	pairctl "$1" push "$LAB/new.conf" --no-confirm >"$LAB/log/push.log" 2>&1 && fail "it was taken"
	grep -q 'new.conf:[0-9]*:[0-9]*: .*weihgt' "$LAB/log/push.log" || fail "$(<"$LAB/log/push.log")"
	[[ $(field "$1" sync.revision) == "$before" ]] || fail "something has changed"
}
