#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The channel has two paths: the cable between the nodes first, the LAN second.  The cable is cut in
# each way there is, and comes back: the channel is never lost, no snapshot is made, and status says
# which path serves.  Then pushes take paths out, put others in and move the port, with the same.  LAB_PEER_TIMEOUT=1s is the default of the product; it leaves a path sooner.
# I1, I9.
#
#	lb1 eth2 ---------- eth2 lb2	192.168.77.1, .2	first
#	lb1 eth0 -- LAN --- eth0 lb2	10.20.0.11, .12		second

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

states() { field "$1" sync.path.0.state sync.path.1.state; }
are() { [[ $(states "$1") =~ ^($2)$ ]]; }
path_name() { field "$1" "sync.path.$2.name"; }

mark() {
	sync_mark
	resumes=$(field 2 sync.resumes)
}
undisturbed() {
	sync_undisturbed "$1"
	(($(field 2 sync.resumes) > resumes)) || fail "nothing was resumed: $1"
}

# drop NODE CHAIN: what comes in, or goes out, on the cable vanishes; nobody is told.
drop() {
	local chain
	{
		printf 'table inet cut {\n'
		for chain in "${@:2}"; do
			printf 'chain %s { type filter hook %s priority 0; %s eth2 drop; }\n' \
				"$chain" "$chain" "$([[ $chain == input ]] && echo iifname || echo oifname)"
		done
		printf '}\n'
	} | on "lb$1" nft -f -
}
heal() { on "lb$1" nft delete table inet cut; }

# left WHAT: over to the LAN, and nobody but the channel has noticed.
left() {
	LAB_POLL=0.05 wait_for 20 "lb2 to use the LAN: $1" are 2 '(down|silent) in use'
	LAB_POLL=0.05 wait_for 20 "lb1 to use the LAN: $1" are 1 '(down|silent) in use'
	undisturbed "$1"
	LAB_POLL=0.1 wait_for 10 "status to name the path: $1" names_it
}
names_it() { pairctl 1 status 2>&1 | grep -q 'problem: the sync path eth2 (192.168.77.1 to 192.168.77.2) is'; }

# back WHAT: to the cable, after it has been good for a while.
back() {
	local node
	mark
	for node in 1 2; do
		LAB_POLL=0.1 wait_for 30 "lb$node to use the cable again: $1" are "$node" 'in use ready'
	done
	undisturbed "the way back, $1"
	say "$1: over to the LAN and back, the channel never lost, no snapshot"
}

cut() {
	mark
	drop "$2" "${@:3}"
	left "$1"
	heal "$2"
	back "$1"
}

carrier() {
	mark
	ip -n lb1 link set eth2 down
	left "link down"
	ip -n lb1 link set eth2 up
	back "link down"
}

# Only without both is there no channel; either is enough to come back.
both() {
	drop 1 input output
	left_quietly
	on switch nft -f - <<-'END'
		table bridge cut {
		    chain forward {
		        type filter hook forward priority 0
		        tcp dport 7790 drop
		        tcp sport 7790 drop
		    }
		}
	END
	LAB_POLL=0.1 wait_for 20 "no channel" without 1
	pairctl 1 status 2>&1 | grep -q 'eth2: .*eth0: ' || fail "status names no paths: $(pairctl 1 status)"
	on switch nft delete table bridge cut
	LAB_POLL=0.1 wait_for 20 "a channel over the LAN" are 1 '(down|silent) in use'
	LAB_POLL=0.1 wait_for 20 "lb2 in sync" is_standby 2
	heal 1
	LAB_POLL=0.1 wait_for 30 "the cable again" are 1 'in use ready'
	say "both cut: the LAN alone brings the channel back"
}
without() { [[ $(field "$1" sync.channel_up) == false ]]; }
left_quietly() { LAB_POLL=0.05 wait_for 20 "the LAN in use" are 1 '(down|silent) in use'; }

# A stall of this machine is no silence; with the default of 1s a path is left after half a second.
LAB_PEER_TIMEOUT=${LAB_PEER_TIMEOUT:-3s}
resumes=
LAB_PATHS=2
lab_wires
lab_members
lab_config
lab_sign
pair_begin
[[ $(path_name 1 0) == eth2 && $(path_name 2 1) == eth0 ]] || fail "paths have other names"
for node in 1 2; do
	LAB_POLL=0.1 wait_for 20 "both paths on lb$node" are "$node" 'in use ready'
done
chat_start chat 7000 60 10.20.0.100 20
work 500
cut "cable cut at lb2, both ways" 2 input output
cut "lb1 does not hear on the cable" 1 input
cut "lb2 does not hear on the cable" 2 input
carrier
both

# --- other paths, by push: as many as before or not, and never the way back by a time-out
paths_of() { field "$1" sync.path | grep -oP "'name': '\K[^']+" | paste -sd' ' -; }
settled() { # settled STATES: of both nodes, with an end to what was before
	[[ $(states 1 | xargs) == "$1" && $(states 2 | xargs) == "$1" ]]
}
pushed() { # pushed WHAT STATES SED...: the pair's file is changed so
	local what=$1 want=$2
	shift 2
	mark
	sed -i "$@" "$LAB/new.conf"
	pairctl 1 push "$LAB/new.conf" --no-confirm -m "$what" >"$LAB/log/push.log" 2>&1 ||
		fail "push, $what: $(cat "$LAB/log/push.log")"
	LAB_POLL=0.1 wait_for 20 "both nodes to use other paths: $what" settled "$want"
	undisturbed "$what"
	say "$what: paths $(paths_of 1), the channel never lost, no snapshot"
}
cp "$LAB/pair.conf" "$LAB/new.conf"
pushed "the cable taken out" "in use" \
	-e 's/sync 192.168.77.\([12]\), /sync /' -e 's/path eth2, eth0/path eth0/'
pushed "another port" "in use" -e 's/port 7790/port 7791/'
for node in 1 2; do
	pp ip -n "lb$node" addr add "192.168.78.$node/24" dev eth2
done
pushed "other addresses on the cable, put first" "in use ready" \
	-e 's/sync 10.20.0.1\([12]\)/sync 192.168.78.\1, 10.20.0.1\1/' -e 's/path eth0/path eth2, eth0/'
chat_stop chat
