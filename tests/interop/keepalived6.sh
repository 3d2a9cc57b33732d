#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same over IPv6, where there is one form of the checksum: the group, then unicast between
# global addresses and between link-local ones; and the rungs of the receive ladder that IPv6 has of
# its own.

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
	wait_for 15 "adverts from the new address" sh -c "tail -n 1 '$LAB/log/watch.out' |
		grep -q fe80::1234"
	[[ $(field 1 vrrp.source.0) == fe80::1234 ]] || fail "status tells $(field 1 vrrp.source.0)"
	steady lb1 5
	leads || fail "$SCENE: the role has moved"
	scene_end
}

# ours_speaks_from ADDRESS THEIRS [LINE...]: unicast between these two.  keepalived's adverts have
# the kernel's hop limit unless it is told another.
ours_speaks_from() {
	sed -i "/^node lb1/,/^}/s/address [^;]*/address $1/; /^node lb2/,/^}/s/address [^;]*/address $2/" \
		"$LAB/pair.conf"
	MODE=("unicast_src_ip $2" "unicast_peer { $1 }" "${@:3}")
	ours_restart
	wait_for 30 "ours to lead" leads
	[[ $(field 1 vrrp.source.0) == "$1" ]] || fail "status tells $(field 1 vrrp.source.0)"
}

unicast_ladder() {
	local own=2001:db8:20::11 peer=2001:db8:20::12
	scene "malformed unicast adverts over IPv6"
	on client ping -q -c 1 -W 2 "$own" >/dev/null
	refused stranger 2001:db8:20::100 "$own"
	refused bad_ttl "$peer" "$own"
	refused rfc9568 "$peer" "$own" bad_checksum
	refused not_link_local "$peer" "$own"
	# Where others have joined the group it is heard.
	spawn joined lb1 "$ADVERTS" join ff02::12 eth0
	wait_for 5 "somebody on lb1 to join the group" joined
	refused bad_destination "$peer" ff02::12
	steady lb1 5
	scene_end
}
joined() { on lb1 ip maddr show dev eth0 | grep -q ff02::12; }

link_local_of() { ip -n "$1" -o addr show dev eth0 scope link | sed -n 's/.*inet6 \([^/]*\).*/\1/p'; }

main() {
	MODE=()
	CHECKSUM=rfc5798
	ours_start
	both_roles IPv6
	ladder
	another_source

	ours_config "unicast yes"
	ours_speaks_from 2001:db8:20::11 2001:db8:20::12 "unicast_ttl 255"
	both_roles "IPv6 unicast"
	unicast_ladder

	KIND="IPv6 unicast, link-local, hop limit 64"
	ours_config "unicast-ttl-min 64"
	ours_speaks_from fe80::1234 "$(link_local_of lb2)"
	ours_waits_for_higher
	ours_takes_over
	ours_is_respected 100
}

main
