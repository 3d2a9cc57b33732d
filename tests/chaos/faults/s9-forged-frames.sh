# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Somebody sits in the cable: each second a payload has a bit flipped, is an earlier one, is in the
# wrong order, or is what the other side has said.  None may be believed: it costs the connection,
# which comes again, and nothing is missing afterwards.
id=S9
title="frames of the channel are flipped, replayed, reordered and sent back"
touches="daemons channel"
cuts="channel"
hold_ms=9000
dark_ms=5 connect_ms=100
stays=1

# Whatever the reason: a stream that cannot be opened, or one whose opening was no good.
refusals() {
	pairctl "$1" -j status | grep -oE '"name":"(bad|slow|refused)[a-z-]*","value":[0-9]+' |
		sed 's/.*://' | awk '{ sum += $1 } END { print sum + 0 }'
}
all_refusals() { echo $(($(refusals 1) + $(refusals 2))); }
inject() {
	all_refusals >"$LAB/s9-refused"
	cable_bad forged
}
effect() { (($(all_refusals) > $(<"$LAB/s9-refused"))); }
heal() { cable_good; }
# Each kind was tried; what became of every single one is the judge's to say (I6).
check() {
	local kind
	for kind in flipped replayed reordered reflected; do
		grep -q "\"$kind\"" "$LAB"/log/badwire-[12].out || fail "nothing was $kind"
	done
}
