# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# keepalived in the place of lb2, and every scene that it and ours play in both roles.

. "${BASH_SOURCE[0]%/*}/common.sh"

VERSION=3

# theirs_start PRIORITY [LINE...]: keepalived in the place of lb2.
theirs_start() {
	local priority=$1
	shift
	cat >"$LAB/keepalived.conf" <<-END
		global_defs {
		    router_id other
		    vrrp_version $VERSION
		}
		vrrp_instance pair {
		    state BACKUP
		    interface eth0
		    virtual_router_id $VRID
		    priority $priority
		    advert_int $((ADVERT / 1000)).$((ADVERT % 1000 / 100))
		    $(printf '%s\n' "$@" "${MODE[@]}")
		    virtual_ipaddress {
		        $(theirs_addresses)
		    }
		}
	END
	rm -f "$LAB/pid/vrrp"
	spawn theirs lb2 "${PUNCTUAL[@]}" keepalived --dont-fork --log-console --log-detail --vrrp \
		--use-file "$LAB/keepalived.conf" --pid "$LAB/pid/parent" \
		--vrrp_pid "$LAB/pid/vrrp"
	wait_for 10 "keepalived to start" test -s "$LAB/pid/vrrp"
}
theirs_addresses() {
	local bits=32
	if [[ -n $IPV6 ]]; then
		bits=128
		echo "$VIRTUAL_LINK_LOCAL/128 dev eth0"
	fi
	printf '%s\n' "$LAB_VIP/$bits dev eth0" "$LAB_GATEWAY/$bits dev eth1"
}
theirs_forget() {
	theirs_addresses | while read -r address _ device; do
		ip -n lb2 addr del "$address" dev "$device" 2>/dev/null
	done
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
	theirs_forget
	# Unicast adverts that wait for an ARP answer are the kernel's, and would outlive it.
	pp ip -n lb2 neigh flush dev eth0
	pp ip -n switch link set lb2-eth0 up
}

ours_waits_for_higher() {
	scene "$KIND: we yield to a higher one that preempts"
	theirs_start 200
	wait_for 20 "ours to yield" waits
	owned_by lb2 eth0
	steady lb2 10
	scene_end
}

ours_takes_over() {
	scene "$KIND: it dies, we take over"
	steady lb2 2
	theirs_die
	wait_for 15 "ours to lead" leads
	because "no adverts heard"
	owned_by lb1 "${OURS:-eth0}"
	# Three adverts, a skew of 106/256 of one, and what the shell needs.
	scene_end $((3 * ADVERT + ADVERT / 2 + 100))
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
	owned_by lb1 "${OURS:-eth0}"
	scene_end
}

clean_stops() {
	scene "$KIND: it stops, we take over within our skew"
	theirs_start 200
	wait_for 20 "ours to yield" waits
	steady lb2 10
	scene "$SCENE"
	theirs_stop
	wait_for 15 "ours to lead" leads
	because "the active node released the role"
	owned_by lb1 "${OURS:-eth0}"
	scene_end $((2 * ADVERT + 90))

	scene "$KIND: we stop, it takes over within its skew"
	theirs_start 120
	steady lb1 10
	scene "$SCENE"
	signal -TERM lb1-vrrpd
	wait_for 15 "vrrpd to leave" gone lb1-vrrpd
	owned_by lb2 eth0
	released lb1
	scene_end $((2 * ADVERT + 90))

	scene "$KIND: we come back and do not preempt a lower one"
	daemon_start 1 vrrpd
	await_daemon 1 vrrpd
	wait_for 15 "ours to wait" waits
	steady lb2 15
	waits || fail "$SCENE: we preempted"
	scene_end
	theirs_die
	wait_for 15 "ours to lead" leads
}

both_roles() {
	KIND=$1
	wait_for 30 "ours to lead" leads
	ours_waits_for_higher
	ours_takes_over
	ours_is_respected 100
	ours_is_respected 200 nopreempt
	clean_stops
	last_checksum "${CHECKSUM:-rfc5798}" || fail "$KIND: our checksum is not the form that keepalived takes"
}

# --- what must change nothing -------------------------------------------------------------------

state() { field 1 vrrp.role vrrp.epoch vrrp.transitions vrrp.adverts_received; }
grown() { local now; now=$(rejected "$1"); ((now >= $2)); }
rejected() {
	pairctl 1 -j status | python3 -c '
import json, sys
found = json.load(sys.stdin)["vrrp"].get("rejected", [])
print(sum(int(c["value"]) for c in found if c["name"] == sys.argv[1]))' "$1"
}

# refused RUNG SOURCE DESTINATION [NAME]: ten of them change nothing and are counted.
refused() {
	local rung=$1 from=$2 to=$3 name=${4:-$1} before role
	before=$(rejected "$name")
	role=$(state)
	on client "$ADVERTS" forge eth0 "$from" "$to" "$VRID" "$rung" 10
	wait_for 15 "ten of $rung to be counted as $name" grown "$name" $((before + 10))
	[[ $(rejected "$name") == $((before + 10)) ]] || fail "$rung is counted twice"
	[[ $(state) == "$role" ]] || fail "$rung has moved something: $role, then $(state)"
}
