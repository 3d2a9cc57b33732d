#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who leads when something is silent that should speak: adverts, a daemon that hangs, the channel,
# everything.  And who leads when somebody speaks that should not.  I3, I9.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

ADVERTS=${0%/*}/../interop/adverts.py

story() { field 1 vrrp.role vrrp.epoch vrrp.transitions; field 2 vrrp.role vrrp.epoch vrrp.transitions; }
says() { pairctl "$1" status 2>&1 | grep -qE "$2"; }
counted() { local n; n=$(field "$1" "vrrp.$2"); ((n >= $3)); }
holds_no_vip() { [[ -z $(ip -n "lb$1" -o addr show to "$LAB_VIP") ]]; }

# drop RULE...: on the switch, until healed.
drop() {
	{
		printf 'table bridge cut {\nchain forward {\ntype filter hook forward priority 0\n'
		printf '%s\n' "$@"
		printf '}\n}\n'
	} | on switch nft -f -
}
heal() { on switch nft delete table bridge cut; }

# The LAN between the nodes is shut one way, then both: the role stays, and both nodes say why.
adverts_lost() {
	local before
	before=$(story)
	drop 'iifname "lb1-eth0" oifname "lb2-eth0" drop'
	wait_for 3 "lb2 to hold" says 2 'problem: lb1 is active, but its adverts'
	wait_for 3 "lb1 to know" says 1 'problem: lb2 does not hear the adverts'
	heal
	drop 'iifname "lb1-eth0" oifname "lb2-eth0" drop' 'iifname "lb2-eth0" oifname "lb1-eth0" drop'
	work 3000
	[[ $(story) == "$before" ]] || fail "roles changed without adverts: $before, then $(story)"
	counted 1 claims 10 || fail "lb1 was not asked"
	heal
	LAB_POLL=0.1 wait_for 5 "both to be well" pairctl 2 status
	[[ $(story) == "$before" ]] || fail "roles changed as the adverts came back"
	say "no adverts for 3 s: lb1 leads on, asked $(field 1 vrrp.claims) times"
}

# Dead behind the same wall: as fast as anywhere.
death_behind_the_wall() {
	local began
	drop 'iifname "lb1-eth0" oifname "lb2-eth0" drop'
	wait_for 3 "lb2 to hold" says 2 'problem: lb1 is active, but its adverts'
	signal -STOP lb1-vrrpd
	began=$(ms)
	wait_for 3 "lb2 to relieve a vrrpd that hangs" has_role 2 active
	say "vrrpd of lb1 hung, its syncd did not: relieved after $(($(ms) - began)) ms"
	heal
	signal -CONT lb1-vrrpd
	pair_up 2 1
	pairctl 2 failover >/dev/null || fail "no failover back"
	pair_up 1 2
}

# A standby that hangs is seen from the other node within 3 s, and nothing is handed to it.
hung_standby() {
	local began
	signal -STOP lb2-vrrpd
	began=$(ms)
	LAB_POLL=0.05 wait_for 4 "failover to be refused" refused 'vrrpd on the peer does not run, or hangs'
	(($(ms) - began <= 3000)) || fail "a hung standby was seen after $(($(ms) - began)) ms"
	say "hung standby seen after $(($(ms) - began)) ms"
	has_role 1 active || fail "lb1 let go to a vrrpd that hangs"
	signal -CONT lb2-vrrpd
	pair_up 1 2
}
# Asked only once lb1 can know: a second earlier it would hand over in good faith.
refused() {
	[[ $(field 1 sync.peer.vrrpd_age_ms) -ge 1600 ]] || return
	pairctl 1 failover >"$LAB/log/failover.log" 2>&1
	(($? == 4)) && grep -q "$1" "$LAB/log/failover.log"
}

# A standby that slept hears first what was said meanwhile: nobody was silent but itself.
woken_standby() {
	local before
	before=$(story)
	signal -STOP lb2-vrrpd
	work 5600
	signal -CONT lb2-vrrpd
	pair_up 1 2
	[[ $(story) == "$before" ]] || fail "a standby woke: roles were $before, and are $(story)"
	! grep "lbd has said nothing" "$LAB/log/lb2-vrrpd.log" || fail "it woke, and blamed lbd"
	say "vrrpd of lb2 slept for 5.6 s, and heard at once what it had missed"
}

# Nobody checks the members where lbd hangs: the other node had better lead.
hung_lbd() {
	signal -STOP lb1-lbd
	LAB_POLL=0.1 wait_for 10 "lb2 to lead instead of a node whose lbd hangs" has_role 2 active
	signal -CONT lb1-lbd
	pair_up 2 1
	pairctl 2 failover >/dev/null || fail "no failover back"
	pair_up 1 2
	say "lbd of lb1 hung: lb2 led meanwhile"
}

# Adverts in the peer's name and in a stranger's, with the highest priority there is.
forgers() {
	local before
	before=$(story)
	on client python3 "$ADVERTS" forge eth0 10.20.0.12 224.0.0.18 51 stranger 50
	on client python3 "$ADVERTS" forge eth0 10.20.0.100 224.0.0.18 51 stranger 50
	wait_for 3 "forged adverts to be counted" counted 1 forged 90
	[[ $(story) == "$before" ]] || fail "forged adverts: $before, then $(story)"
	say "forged: $(field 1 vrrp.forged) on lb1, $(field 2 vrrp.forged) on lb2, and no role moved"
}

# lb1 is alone on an island: it stops by itself, and comes back by itself.
island() {
	local began
	drop 'iifname "lb1-eth0" drop' 'oifname "lb1-eth0" drop' \
		'iifname "lb1-eth1" drop' 'oifname "lb1-eth1" drop'
	on lb1 nft -f - <<-END
		table inet cut {
		    chain in { type filter hook input priority 0; iifname eth2 drop; }
		    chain out { type filter hook output priority 0; oifname eth2 drop; }
		}
	END
	began=$(ms)
	wait_for 3 "lb2 to lead" has_role 2 active
	wait_for 5 "lb1 to give up" has_role 1 fault
	say "isolated: lb1 gave up after $(($(ms) - began)) ms"
	says 1 'isolated|no witness answers' || fail "lb1 does not say why: $(pairctl 1 status)"
	# It keeps them unspoken for a second, when it thinks that lb2 has heard it let go.
	wait_for 5 "lb1 to drop the VIP" holds_no_vip 1
	on lb1 nft delete table inet cut
	heal
	pair_up 2 1
}

# A peer that is silent on both paths is fenced first; under `consistency` nobody leads until it is.
fencing() {
	local began
	node_stop 1
	node_stop 2
	printf '#!/bin/sh\necho "$@" >>%s\nexec test -e %s\n' "$LAB/fenced" "$LAB/works" >"$LAB/fence"
	chmod +x "$LAB/fence"
	sed -i "s|vrid 51|vrid 51; fence-command $LAB/fence; policy consistency|" "$LAB/pair.conf"
	# A node that starts alone cannot know either.
	: >"$LAB/works"
	node_start 1
	LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active
	grep -qx 'lb2 10.20.0.12' "$LAB/fenced" || fail "lb1 started alone and fenced nobody"
	node_start 2
	pair_up 1 2
	rm "$LAB/works" "$LAB/fenced"
	node_power_off 1
	began=$(ms)
	wait_for 5 "the command to be run" grep -qx 'lb1 10.20.0.11' "$LAB/fenced"
	wait_for 3 "lb2 to say that it failed" says 2 'problem: the fence command has failed: exit status 1'
	has_role 2 standby || fail "lb2 leads although lb1 could not be fenced"
	: >"$LAB/works"
	LAB_POLL=0.1 wait_for 15 "lb2 to lead once lb1 is fenced" has_role 2 active
	(($(ms) - began >= 9000)) || fail "the command was run again at once"
	[[ $(wc -l <"$LAB/fenced") == 2 ]] || fail "the command was run $(wc -l <"$LAB/fenced") times"
	say "fence command: failed once, done on the second try"
}

pair_start
wait_for 5 "witnesses to answer" sh -c "[ \"\$('$LAB_BUILD/pairctl' --run-dir '$LAB/lb1/run' -j status |
	grep -o '\"answers\":true' | wc -l)\" -ge 3 ]"
adverts_lost
death_behind_the_wall
hung_standby
woken_standby
hung_lbd
forgers
island
fencing
