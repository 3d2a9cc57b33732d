#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same over IPv6, where there is one form of the checksum and the group only; and the rungs of
# the receive ladder that IPv6 has of its own.

. "${0%/*}/scenes.sh"
need /usr/sbin/keepalived keepalived
lab_enter "$@"

IPV6=1
FROM=fe80::dead

ladder() {
	local rung
	scene "malformed adverts over IPv6"
	for rung in short bad_ttl bad_version bad_type bad_length no_address no_interval \
		bad_checksum not_link_local; do
		refused "$rung" "$FROM" ff02::12
	done
	refused version_2 "$FROM" ff02::12 bad_version
	refused rfc9568 "$FROM" ff02::12 bad_checksum
	steady lb1 5
	scene_end
}

# The source of our adverts is the link-local address, whatever becomes of it.
another_source() {
	scene "another link-local address"
	pp ip -n lb1 addr add fe80::1234/64 dev eth0 nodad
	pp ip -n lb1 addr del "$(ip -n lb1 -o addr show dev eth0 scope link |
		sed -n 's/.*inet6 \(fe80::[^ ]*\/64\).*/\1/p' | grep -v 1234)" dev eth0
	wait_for 3 "adverts from the new address" sh -c "tail -n 1 '$LAB/log/watch.out' |
		grep -q fe80::1234"
	[[ $(field 1 vrrp.source.0) == fe80::1234 ]] || fail "status tells $(field 1 vrrp.source.0)"
	steady lb1 5
	leads || fail "$SCENE: the role has moved"
	scene_end
}

main() {
	MODE=()
	CHECKSUM=rfc5798
	ours_start
	both_roles IPv6
	ladder
	another_source
}

main
