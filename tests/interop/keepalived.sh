#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's keepalived as the other router of our VRID, multicast and unicast, in both roles.  Then
# what a stranger on the LAN may send: it changes nothing and is counted under its name.

. "${0%/*}/common.sh"
need /usr/sbin/keepalived keepalived
lab_enter "$@"

# theirs_start PRIORITY [LINE...]: keepalived in the place of lb2.
theirs_start() {
	local priority=$1
	shift
	cat >"$LAB/keepalived.conf" <<-END
		global_defs {
		    router_id other
		    vrrp_version 3
		}
		vrrp_instance pair {
		    state BACKUP
		    interface eth0
		    virtual_router_id $VRID
		    priority $priority
		    advert_int 0.1
		    $(printf '%s\n' "$@" "${MODE[@]}")
		    virtual_ipaddress {
		        $LAB_VIP/32 dev eth0
		        $LAB_GATEWAY/32 dev eth1
		    }
		}
	END
	rm -f "$LAB/pid/vrrp"
	spawn theirs lb2 keepalived --dont-fork --log-console --log-detail --vrrp \
		--use-file "$LAB/keepalived.conf" --pid "$LAB/pid/parent" \
		--vrrp_pid "$LAB/pid/vrrp"
	wait_for 10 "keepalived to start" test -s "$LAB/pid/vrrp"
}
theirs_stop() {
	signal -TERM theirs
	wait_for 10 "keepalived to end" gone theirs
}

# Without a node on the wire there is nobody to tell; its addresses end with it here.
theirs_die() {
	pp ip -n switch link set lb2-eth0 down
	# Both in one call, the child first: one that outlives its parent says goodbye, too late.
	pp kill -KILL "$(pid_of vrrp)" "$(pid_of theirs)"
	wait_for 5 "keepalived to end" gone theirs
	wait_for 5 "keepalived to end" gone vrrp
	ip -n lb2 addr del "$LAB_VIP/32" dev eth0 2>/dev/null
	ip -n lb2 addr del "$LAB_GATEWAY/32" dev eth1 2>/dev/null
	pp ip -n switch link set lb2-eth0 up
}

ours_waits_for_higher() {
	scene "$KIND: we yield to a higher one that preempts"
	theirs_start 200
	wait_for 10 "ours to yield" waits
	owned_by lb2 eth0
	steady lb2 10
	scene_end
}

ours_takes_over() {
	scene "$KIND: it dies, we take over"
	steady lb2 2
	theirs_die
	wait_for 5 "ours to lead" leads
	owned_by lb1 eth0
	# Three adverts, a skew of 106/256 of one, and what the shell needs.
	scene_end 450
}

ours_is_respected() {
	local before
	scene "$KIND: it respects us, as the higher and where it must not preempt"
	before=$(field 1 vrrp.transitions)
	theirs_start "$1" "${@:2}"
	steady lb1 15
	theirs_stop
	[[ $(heard lb2) == 0 && $(field 1 vrrp.transitions) == "$before" ]] ||
		fail "$SCENE: it was active beside us"
	owned_by lb1 eth0
	scene_end
}

clean_stops() {
	scene "$KIND: it stops, we take over within our skew"
	theirs_start 200
	wait_for 10 "ours to yield" waits
	steady lb2 10
	scene "$SCENE"
	theirs_stop
	wait_for 5 "ours to lead" leads
	owned_by lb1 eth0
	scene_end 290

	scene "$KIND: we stop, it takes over within its skew"
	theirs_start 120
	steady lb1 10
	scene "$SCENE"
	signal -TERM lb1-vrrpd
	wait_for 5 "vrrpd to leave" gone lb1-vrrpd
	owned_by lb2 eth0
	scene_end 290

	scene "$KIND: we come back and do not preempt a lower one"
	daemon_start 1 vrrpd
	await_daemon 1 vrrpd
	wait_for 5 "ours to wait" waits
	steady lb2 15
	waits || fail "$SCENE: we preempted"
	scene_end
	theirs_die
	wait_for 5 "ours to lead" leads
}

both_roles() {
	KIND=$1
	wait_for 10 "ours to lead" leads
	ours_waits_for_higher
	ours_takes_over
	ours_is_respected 100
	ours_is_respected 200 nopreempt
	clean_stops
	last_checksum rfc5798 || fail "$KIND: our checksum is not the form that keepalived takes"
}

# --- the receive ladder -------------------------------------------------------------------------

FROM=10.20.0.100
grown() { local now; now=$(rejected "$1"); ((now >= $2)); }
rejected() {
	pairctl 1 -j status | python3 -c '
import json, sys
found = json.load(sys.stdin)["vrrp"].get("rejected", [])
print(sum(int(c["value"]) for c in found if c["name"] == sys.argv[1]))' "$1"
}

# refused RUNG SOURCE DESTINATION [NAME]: ten of them change nothing and are counted.
refused() {
	local rung=$1 from=$2 to=$3 name=${4:-$1} before role after
	before=$(rejected "$name")
	role=$(field 1 vrrp.role vrrp.epoch vrrp.transitions vrrp.adverts_received)
	on client "$ADVERTS" forge eth0 "$from" "$to" "$VRID" "$rung" 10
	wait_for 3 "ten of $rung to be counted as $name" grown "$name" $((before + 10))
	[[ $(rejected "$name") == $((before + 10)) ]] || fail "$rung is counted twice"
	after=$(field 1 vrrp.role vrrp.epoch vrrp.transitions vrrp.adverts_received)
	[[ $after == "$role" ]] || fail "$rung has moved something: $role, then $after"
}

ladder() {
	local rung
	scene "malformed adverts"
	on lb1 sysctl -qw net.ipv4.conf.eth0.accept_local=1
	for rung in short bad_ttl bad_version bad_type bad_length no_address no_interval \
		bad_checksum; do
		refused "$rung" "$FROM" 224.0.0.18
	done
	refused version_2 "$FROM" 224.0.0.18 bad_version
	refused own 10.20.0.11 224.0.0.18
	steady lb1 5
	scene_end
}

# Another virtual router is none of our business, however loud.
stranger_vrid() {
	local before
	scene "an advert storm of another VRID"
	before=$(field 1 vrrp.role vrrp.epoch vrrp.transitions vrrp.adverts_received)
	on client "$ADVERTS" forge eth0 "$FROM" 224.0.0.18 "$VRID" other_vrid 20000
	[[ $(field 1 vrrp.role vrrp.epoch vrrp.transitions vrrp.adverts_received) == "$before" ]] ||
		fail "$SCENE: has moved something"
	scene_end
}

# A lesser router that speaks one form gets the answer in that form.
dialect() {
	local form
	for form in rfc9568 rfc5798; do
		on client "$ADVERTS" forge eth0 "$FROM" 224.0.0.18 "$VRID" "$form" 1
		wait_for 3 "ours to speak as in $form" last_checksum "$form"
		leads || fail "yielded to a lower one"
	done
	say "checksum: the form last heard is the form sent, either way"
}

main() {
	MODE=()
	ours_start
	both_roles multicast
	dialect
	ladder
	stranger_vrid

	MODE=("unicast_src_ip 10.20.0.12" "unicast_peer { 10.20.0.11 }")
	ours_config "unicast yes"
	ours_restart
	both_roles unicast
	on client ping -q -c 1 -W 2 10.20.0.11 >/dev/null
	refused stranger "$FROM" 10.20.0.11
}

main
