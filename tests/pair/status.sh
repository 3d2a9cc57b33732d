#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What `pairctl status` says of a pair that is not well: each sentence is true, none is missing, and
# none is left over once the pair is well again; and what a failover is refused for.  I9.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

cases=0

# says NODE PATTERN: within 5 s a line of the status matches it; the JSON is whole all the time.
status_has() {
	pairctl "$1" status >"$LAB/log/status.log" 2>&1
	grep -qE "$2" "$LAB/log/status.log"
}
says() {
	cases=$((cases + 1))
	LAB_POLL=0.1 wait_for 5 "status of lb$1 to say: $2" status_has "$1" "$2"
	pairctl "$1" -j status | python3 -c 'import json, sys; json.load(sys.stdin)' ||
		fail "status -j of lb$1 is not JSON"
}
hides() {
	cases=$((cases + 1))
	! status_has "$1" "$2" || fail "status of lb$1 says: $(grep -E "$2" "$LAB/log/status.log")"
}

# well: both nodes have nothing to complain of.
is_well() { pairctl 1 status >/dev/null 2>&1 && pairctl 2 status >/dev/null 2>&1; }
well() { LAB_POLL=0.1 wait_for 10 "both nodes to be well ($1)" is_well; }

# refused NODE PATTERN
refused() {
	cases=$((cases + 1))
	pairctl "$1" failover >"$LAB/log/failover.log" 2>&1
	local status=$?
	((status == 4)) || fail "failover from lb$1: exit status $status, not 4"
	grep -qE "$2" "$LAB/log/failover.log" || fail "no word of $2: $(cat "$LAB/log/failover.log")"
}

reload() {
	local daemon
	for daemon in lbd syncd vrrpd; do
		signal -HUP "lb1-$daemon"
		signal -HUP "lb2-$daemon"
	done
}

# A node is called by its name, whichever of its daemons is silent.
silent_daemons() {
	signal -STOP lb1-lbd
	says 1 'problem: lbd does not answer'
	hides 1 'this node|pair unknown'
	signal -CONT lb1-lbd
	signal -STOP lb1-syncd
	says 1 'problem: syncd does not answer'
	says 1 '^lb2 +unknown'
	signal -CONT lb1-syncd
	well "daemons go on"
}

lbd_of_the_peer() {
	refused 2 'run it on lb1'
	daemon_kill 2 lbd
	says 1 'problem: lbd does not run on lb2'
	refused 1 'lbd does not run on the peer'
	daemon_start 2 lbd
	await_daemon 2 lbd
	well "lbd is back"
}

# A stuck vrrpd: its node is fenced, which nobody may take for two active nodes; and when it has
# become a healthy standby, the fence is no problem any more.
stuck_vrrpd() {
	signal -STOP lb1-vrrpd
	says 2 'problem: vrrpd of lb1 is stuck'
	hides 2 'both nodes are active'
	says 1 'problem: lb1 is fenced'
	signal -CONT lb1-vrrpd
	pair_up 2 1
	well "a standby that was fenced"
}

# The switch drops adverts between the nodes: the role stays where it is, and the standby must say so.
adverts_dropped() {
	on switch nft -f - <<-END
		table bridge cut {
			chain forward {
				type filter hook forward priority 0
				iifname "lb1-eth0" oifname "lb2-eth0" drop
				iifname "lb2-eth0" oifname "lb1-eth0" drop
			}
		}
	END
	LAB_POLL=0.1 wait_for 10 "a node to say that adverts are not heard" adverts_missed
	cases=$((cases + 1))
	on switch nft delete table bridge cut
	LAB_POLL=0.1 wait_for 30 "both nodes to be well (adverts)" is_well
}
adverts_missed() {
	status_has 1 'problem: lb2 is active, but' || status_has 2 'problem: lb1 is active, but'
}

# The cable: what was known of the peer before is not made a statement about now.
cable_cut() {
	pp ip -n lb1 link set eth2 down
	says 1 'problem: the channel to lb2 is down'
	says 2 'problem: the channel to lb1 is down'
	hides 1 'both nodes|no node is active'
	hides 2 'both nodes|no node is active'
	pp ip -n lb1 link set eth2 up
	well "cable"
}

# What a reload cannot do is refused, and not told to be in force.
reloads() {
	cp "$LAB/pair.conf" "$LAB/pair.good"
	sed -i 's/port 7790/port 7791/; s/^pair lab/pair other/' "$LAB/pair.conf"
	reload
	wait_for 5 "vrrpd to name what it cannot follow" \
		grep -q 'pair: lab -> other needs a restart of lbd, syncd and vrrpd' "$LAB/log/lb1-vrrpd.log"
	says 1 'problem: the daemons run different configurations'
	hides 1 'the nodes run different'
	cp "$LAB/pair.good" "$LAB/pair.conf"
	reload
	well "the old file again"
	# Its interface's name must outlive the configuration it was read from.
	pp ip -n lb1 link set eth2 down
	says 2 'problem: the channel to lb1 is down'
	pp ip -n lb1 link set eth2 up
	well "a channel after reloads"
	sed -i 's/address 10.30.0.23/& ; weight 5/' "$LAB/pair.conf"
	node_stop 1
	node_start 1
	says 2 'problem: the nodes run different configurations'
	says 1 'refused.*configuration differs'
	reload
	well "one file on both nodes"
}

pair_start
well "start"
silent_daemons
lbd_of_the_peer
stuck_vrrpd
adverts_dropped
cable_cut
reloads
say "$cases statements of pairctl, each true in its state and gone after it"
