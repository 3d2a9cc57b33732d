# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Nothing is left of any table: sessions go where their addresses say, and those are who they were, if
# that is where they began.  Who had to leave a member that died is not: so all begin anew before it, at
# a pair that knows nobody.
id=P10
title="both nodes lose their power; one returns, then the other"
touches="all"
hold_ms=0
dark_ms=any
heal_s=30

prepare() {
	local name
	for name in chat bulk rpc mapi; do
		signal -KILL "$name"
	done
	pair_again
	sessions_start
	await_settled
}
inject() {
	node_power_off "$1"
	node_power_off "$2"
}
heal() {
	node_power_on "$2"
	LAB_POLL=0.05 wait_for 20 "one node to lead" has_role "$2" active
	node_power_on "$1"
}
