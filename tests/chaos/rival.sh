# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2317 # its functions are called by those whose words these are
#
# Another pair in the same lab: keepalived holds the addresses, nftables rewrites destinations and
# conntrackd replicates, each set up as its own documentation says.  What lib/pair.sh says about a pair
# is said again here, so that the scripts of faults and the meters are the same:
#
#	vrrpd			keepalived
#	syncd			conntrackd
#	lbd			the kernel's rules; there is nothing to kill
#	pairctl failover	there is no such thing: a clean stop of keepalived, and a start
#
# Adverts of 100 ms, real-time scheduling and the addresses are those of ours.  A client's member is a
# hash of its address, the same on both nodes, as all ports of a client must come to one member: so one
# whose entry was lost is picked up in mid-stream where it belongs, while the pool stays as it is.

. "$LAB_TOP/tests/lib/conntrackd.sh"

RIVAL_SCRIPT=/usr/share/doc/conntrackd/examples/sync/primary-backup.sh
# What can be done to it.  It has no revisions, and none of its own checks of members.
RIVAL_FAULTS="P1 P3 P4 P5 P6 P7 P9 P10 P11 N1 N2 N3 N4 N5 N6 N8 N9 N10 N11 S1 S5 S6"

rival_needs() {
	local file
	for file in /usr/sbin/{keepalived,conntrackd,conntrack} "$RIVAL_SCRIPT"; do
		[[ -e $file ]] || { echo "$file is missing; run tests/lib/setup.sh"; exit 77; }
	done
}
rival_faults() {
	local id
	for id in $RIVAL_FAULTS; do
		[[ -z $(fault_file "$id") ]] || echo "$id"
	done
}

# --- a node -----------------------------------------------------------------------------------

rival_rules() {
	local member n=0 map=''
	for member in "${LAB_MEMBERS[@]}"; do
		map+="${map:+, }$((n++)) : 10.30.0.$((20 + n))"
	done
	on "lb$1" nft -f - <<-END || fail "nft refuses"
		table ip rival
		delete table ip rival
		table ip rival {
		    chain prerouting {
		        type nat hook prerouting priority dstnat;
		        ip daddr $LAB_VIP tcp dport { 7000, 7001 } \
		            dnat to jhash ip saddr mod $n seed 0x5eed map { $map }
		    }
		    chain forward {
		        type filter hook forward priority filter; policy drop;
		        ct status dnat accept
		    }
		}
	END
	on "lb$1" sysctl -qw net.netfilter.nf_conntrack_tcp_be_liberal=1
	on "lb$1" conntrack -F >/dev/null 2>&1
}

# rival_instance NODE NAME INTERFACE VRID ADDRESS
rival_instance() {
	cat <<-END
		vrrp_instance $2 {
		    state BACKUP
		    nopreempt
		    interface $3
		    virtual_router_id $4
		    priority $((255 - $1))
		    advert_int 0.1
		    virtual_ipaddress { $5/32 dev $3 }
		}
	END
}
rival_keepalived_config() {
	local script=$LAB/lb$1-role.sh
	sed -e "s|^CONNTRACKD_LOCK=.*|CONNTRACKD_LOCK=$LAB/lb$1-ct.lock|" \
		-e "s|^CONNTRACKD_CONFIG=.*|CONNTRACKD_CONFIG=$LAB/lb$1-ct.conf|" \
		"$RIVAL_SCRIPT" >"$script" && chmod 755 "$script"
	cat >"$LAB/lb$1-keepalived.conf" <<-END
		global_defs {
		    router_id lb$1
		    vrrp_version 3
		    script_user root
		    vrrp_rt_priority 50
		    vrrp_rlimit_rttime 2000000
		}
		vrrp_sync_group pair {
		    group { outside inside }
		    notify_master "$script primary"
		    notify_backup "$script backup"
		    notify_fault "$script fault"
		}
		$(rival_instance "$1" outside eth0 51 "$LAB_VIP")
		$(rival_instance "$1" inside eth1 52 "$LAB_GATEWAY")
	END
}

rival_config() {
	rival_keepalived_config "$1"
	conntrackd_config "$LAB/lb$1-ct" "192.168.77.$1" "192.168.77.$((3 - $1))" "StartupResync yes"
}

replicates() { on "lb$1" conntrackd -C "$LAB/lb$1-ct.conf" -s >/dev/null 2>&1; }

# keepalived's two processes: the one that speaks VRRP is lbN-vrrpd, its parent lbN-keepalived.
daemon_start() {
	case $2 in
	vrrpd)
		rm -f "$LAB/pid/lb$1-vrrpd"
		spawn "lb$1-keepalived" "lb$1" keepalived --dont-fork --log-console --vrrp \
			--use-file "$LAB/lb$1-keepalived.conf" \
			--pid "$LAB/pid/lb$1-parent" --vrrp_pid "$LAB/pid/lb$1-vrrpd"
		;;
	syncd)
		replicates "$1" && return
		rm -f "$LAB/lb$1-ct.lock" "$LAB/lb$1-ct.ctl"
		spawn "lb$1-syncd" "lb$1" nice -n -10 conntrackd -C "$LAB/lb$1-ct.conf"
		;;
	esac
}
await_daemon() {
	case $2 in
	vrrpd) wait_for 10 "keepalived of lb$1" lives "lb$1-vrrpd" ;;
	syncd) LAB_POLL=0.1 wait_for 10 "conntrackd of lb$1" replicates "$1" ;;
	esac
}
# Both processes of keepalived at once: a parent that lives would start the other again.
daemon_kill() {
	case $2 in
	vrrpd)
		pp kill -KILL "$(pid_of "lb$1-vrrpd")" "$(pid_of "lb$1-keepalived")"
		wait_for 5 "keepalived of lb$1 to end" gone "lb$1-keepalived"
		wait_for 5 "keepalived of lb$1 to end" gone "lb$1-vrrpd"
		;;
	syncd)
		signal -KILL "lb$1-syncd"
		wait_for 5 "conntrackd of lb$1 to end" gone "lb$1-syncd"
		;;
	*) fail "there is no $2" ;;
	esac
}
keepalived_stop() {
	signal -TERM "lb$1-keepalived"
	wait_for 10 "keepalived of lb$1 to end" gone "lb$1-keepalived"
}
node_stop() {
	keepalived_stop "$1"
	signal -TERM "lb$1-syncd"
	wait_for 10 "conntrackd of lb$1 to end" gone "lb$1-syncd"
}
node_start() {
	rival_rules "$1"
	daemon_start "$1" syncd
	await_daemon "$1" syncd
	daemon_start "$1" vrrpd
	await_daemon "$1" vrrpd
}

# --- the pair ---------------------------------------------------------------------------------

lab_config() { rival_config 1 && rival_config 2; }
sign_config() { :; }

holds() { ip -n "lb$1" -4 addr show dev "$2" | grep -q " $3/32 "; }
has_role() {
	case $2 in
	active) holds "$1" eth0 "$LAB_VIP" ;;
	standby) lives "lb$1-vrrpd" && ! holds "$1" eth0 "$LAB_VIP" ;;
	esac
}
pair_is() {
	has_role "$1" active && lives "lb$1-vrrpd" && holds "$1" eth1 "$LAB_GATEWAY" &&
		has_role "$2" standby && ! holds "$2" eth1 "$LAB_GATEWAY" &&
		replicates "$1" && replicates "$2" && is_found
}
# Hosts may go on asking the one that has let go.
is_found() { on client ping -q -c 1 -W 1 "$LAB_VIP" >/dev/null; }
channel_is_down() { :; } # it does not know
revisions() { :; }
one_revision() { :; }
states() {
	local node
	for node in 1 2; do
		if has_role "$node" active; then echo active; else echo -; fi
	done
}
field() { :; }
look_for_alarm() { alarmed=never; } # it has none

pairctl() {
	[[ $2 == failover ]] || return 1
	keepalived_stop "$1"
	daemon_start "$1" vrrpd
	await_daemon "$1" vrrpd
}

# What can be compared: entries here, and what is known there.
tables_equal() {
	local node
	node=$(active)
	printf '{"entries": %d, "known": %d}\n' "$(on "lb$node" conntrack -C)" \
		"$(on "lb$(other "$node")" conntrackd -C "$LAB/lb$(other "$node")-ct.conf" -s |
			awk '/^cache external/ { here = 1 }
				here && /current active connections/ { print $NF; exit }')" >"$LAB/tables"
}

# --- the record -------------------------------------------------------------------------------

# In the client's namespace: who loses his power loses all processes of his.
watch_start() {
	spawn "watch-$1" client "$CHAOS/rival_watch.sh" "$1" "$LAB_VIP" "$LAB/pid/lb$1-vrrpd"
}
accounts_take() { mark uncounted; } # its frames go through the kernel's own hands
overhear_start() { :; } # and its channel is another one
overhear_begin() { :; }
overhear_ask() { :; }
overhear_end() { :; }
overhear_collect() { :; }
channel_take() { :; }
# The limits are ours: who does not keep them has broken no promise of his.  It has no epochs (I5).
judged() {
	"$CHAOS/judge.py" --tell-times "$OUT/runs/$1" |
		sed -e '/ WRONG: I5:/d' -e '/; .* hold$/d' -e 's/ WRONG: / beyond: /'
	return 0
}
