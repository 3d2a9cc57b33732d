# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# It cannot know at once, and gives up when no witness answers; nobody hears it meanwhile.  Is it back
# before that, it answers until it hears the other one's next advert.
id=N7
title="the active node is cut off from everything"
touches="lan channel node"
hold_ms=2500
dark_ms=1500
two_ms=150
heal_s=20

inject() {
	channel_cut
	lan_cut "$1"
}
effect() { has_role "$2" active; }
heal() {
	lan_heal
	channel_heal
}
