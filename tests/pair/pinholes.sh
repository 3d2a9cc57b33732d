#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Learned pinholes against real endpoint mappers: of 53,000 ports those are open that the mappers
# name, the others are refused; the standby knows them, a restart and a failover forget nothing, and
# a service that moves is followed.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"
LAB_SAMBA=samba
SAMR=12345778-1234-abcd-ef00-0123456789ac/1.0

eval "$(declare -f lab_config | sed '1s/lab_config/plain_config/')"
lab_config() {
	plain_config "$@"
	sed -i -e "s,check tcp { port 135; interval.*,check rpc-epm { interface $SAMR; interval 500ms; timeout 400ms }," \
		-e "s/^\( *ports 6005-6999, 7002-59530;\)/\1 pinholes learned;/" "$LAB/pair.conf"
	grep -q "pinholes learned" "$LAB/pair.conf" || fail "the lab's configuration has changed"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

# learned NODE: "m1 6101 m2 49200 m3 59001"
learned() {
	pairctl "$1" -j members 2>/dev/null | python3 -c '
import json, sys
for member in json.load(sys.stdin)["members"]:
    print(member["name"], *member.get("learned_port", ["-"]), end=" ")'
}
all_learned() { [[ $(learned "$1") =~ ^m1\ 6[0-9]+\ m2\ 492[0-9]+\ m3\ 590[0-9]+\ $ ]]; }
agree() { [[ $(learned 1) == "$(learned 2)" ]]; }
port_of() { learned "$1" | sed -n "s/.*$2 \([0-9]*\) .*/\1/p"; }

counter() { pairctl "$1" -j status | "$LAB_TOP/tests/lib/field.py" lbd.counter |
	grep -o "'name': 'answered_closed', 'value': [0-9]*" | grep -o "[0-9]*$"; }
# What becomes of a connection to this port: connected, refused or timeout.
try() {
	on client python3 -c '
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
    print("connected")
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("timeout")' "$LAB_VIP" "$1"
}
# closed NODE PORT, open NODE PORT: by the balancer's own word; a member may refuse a port too.
closed() {
	local before
	before=$(counter "$1")
	[[ $(try "$2") == refused ]] && (($(counter "$1") > before))
}
open() {
	local before
	before=$(counter "$1")
	[[ $(try "$2") == @(connected|refused) ]] && (($(counter "$1") == before))
}
samba_pids() {
	local pid
	for pid in $(ip netns pids "$1"); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != @(samba|rpcd)* ]] || printf '%s\n' "$pid"
	done
}
all_samba() {
	local space
	for space in "${LAB_MEMBERS[@]}"; do
		# shellcheck disable=SC2046 # a list of PIDs, all inside this lab
		pp kill "$1" $(samba_pids "$space")
	done
}

shopt -s extglob
pair_start
LAB_POLL=0.1 wait_for 20 "lb1 to learn a port of each member" all_learned 1
LAB_POLL=0.1 wait_for 20 "lb2 to hear of them" agree
say "learned: $(learned 1)"
for member in "${LAB_MEMBERS[@]}"; do
	open 1 "$(port_of 1 "$member")" || fail "the learned port of $member is not open"
done
open 1 135 || fail "the mapper's port is not open"
for port in 6005 30000 59530; do
	closed 1 "$port" || fail "port $port is open"
done
# The client's own member is at its own port.
home=$(pairctl 1 where 10.20.0.100 135 | sed 's/.*-> \(m[1-3]\):.*/\1/')
[[ $(on client python3 -c '
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5, ("10.20.0.100", 0))
print(s.getpeername()[1])' "$LAB_VIP" "$(port_of 1 "$home")") == $(port_of 1 "$home") ]] ||
	fail "$home does not answer at its learned port"

# No mapper answers, and lbd dies: what was learned holds.
all_samba -STOP
daemon_kill 1 lbd
daemon_start 1 lbd
await_daemon 1 lbd
LAB_POLL=0.1 wait_for 20 "lb1 to lead on" has_role 1 active
all_learned 1 || fail "a restart has forgotten what was learned: $(learned 1)"
closed 1 30000 || fail "port 30000 is open after a restart"
all_samba -CONT
LAB_POLL=0.1 wait_for 30 "lb1 active, lb2 in sync" pair_is 1 2

# The other node knows at once.
pairctl 1 failover || fail "failover refused"
LAB_POLL=0.1 wait_for 20 "lb2 active" has_role 2 active
closed 2 30000 || fail "port 30000 is open after the failover"
open 2 "$(port_of 2 m2)" || fail "the learned port of m2 is closed after the failover"

# A service that moves is followed.
old=$(port_of 2 m1)
# shellcheck disable=SC2046
pp kill -9 $(samba_pids m1)
samba_start m1 10.30.0.21 6301-6399
moved() { all_learned 2 && [[ $(port_of 2 m1) == 63* ]]; }
LAB_POLL=0.1 wait_for 40 "lb2 to learn the new port of m1" moved
LAB_POLL=0.1 wait_for 20 "lb1 to hear of it" agree
open 2 "$(port_of 2 m1)" || fail "the new port of m1 is closed"
closed 2 "$old" || fail "the old port of m1 is open"
grep -q "has moved from port $old" "$LAB/log/lb2-lbd.log" || fail "the log does not tell of it"
