#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same in version 2 of the protocol, for neighbours that know no other: whole seconds, no
# authentication; and the rungs that it has of its own.

. "${0%/*}/scenes.sh"
need /usr/sbin/keepalived keepalived
lab_enter "$@"

VERSION=2
ADVERT=1000
FROM=10.20.0.100

ladder() {
	local rung name
	scene "malformed adverts of version 2"
	while read -r rung name; do
		refused "$rung" "$FROM" 224.0.0.18 "$name"
	done <<-END
		bad_auth bad_auth
		v2_length bad_length
		v2_no_interval no_interval
		other_interval other_interval
		rfc5798 bad_version
	END
	steady lb1 5
	scene_end
}

main() {
	MODE=()
	KIND="version 2"
	ours_start "version 2"
	wait_for 30 "ours to lead" leads
	ours_waits_for_higher
	ours_takes_over
	ours_is_respected 100
	ladder
	last_checksum rfc9568 || fail "our checksum is not of the message alone"
}

main
