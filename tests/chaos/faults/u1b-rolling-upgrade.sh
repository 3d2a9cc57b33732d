# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The same with another release, whose tables have another layout; it is healed by going back.
id=U1B
title="both nodes are upgraded in turn, with a planned failover between, and go back in turn"
touches="all"
hold_ms=500
dark_ms=20 connect_ms=100
moves=2

. "$LAB_TOP/tests/lib/release.sh"

prepare() { has_next_release; }

# over_to NODE: when it holds everything.
over_to() {
	LAB_POLL=0.1 wait_for 60 "lb$1 in sync" is_standby "$1"
	LAB_POLL=0.1 wait_for 30 "failover to lb$1" pairctl "$(other "$1")" failover
	LAB_POLL=0.1 wait_for 30 "lb$1 to lead" pair_is "$1" "$(other "$1")"
}

inject() {
	upgrade "$2"
	over_to "$2"
	upgrade "$1"
	LAB_POLL=0.1 wait_for 60 "lb$1 in sync" is_standby "$1"
}
effect() { is_standby "$1"; }
heal() {
	downgrade "$1"
	over_to "$1"
	downgrade "$2"
	mark_fault whole
}
