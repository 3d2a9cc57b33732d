# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The date is for what people read: nothing ends by it, nobody is suspected, and what is due is done
# as before: connections that have ended are taken off the table.  Not of vrrpd, as libfaketime moves
# a timer of any clock with the date, which the kernel does not.
id=R2
title="the dates of lbd and syncd jump by a day, to and fro"
touches="all"
hold_ms=500
dark_ms=5 connect_ms=100
stays=1

with_dates() {
	local LAB_DATES daemon
	LAB_DATES=$(dpkg -L libfaketime | grep '/libfaketime.so.1$') || fail "no libfaketime"
	echo '+0' >"$LAB/date-$1"
	for daemon in syncd lbd; do
		daemon_kill "$1" "$daemon"
		daemon_start "$1" "$daemon"
		await_daemon "$1" "$daemon"
	done
	await_settled
}
prepare() {
	with_dates 1
	with_dates 2
}
inject() {
	local dates
	for dates in "+1d -1d" "-1d +1d" "+3600 -3600" "+0 +0"; do
		echo "${dates% *}" >"$LAB/date-1"
		echo "${dates#* }" >"$LAB/date-2"
		work 1000
	done
}
ended() {
	pairctl "$1" -j status | grep -oE '"name":"expired_closed","value":[0-9]+' | sed 's/.*://'
}
check() {
	local before
	before=$(ended "$1")
	more_have_ended() { (($(ended "$1") > before)); }
	wait_for 30 "an ended connection to be taken off the table" more_have_ended "$1"
}
