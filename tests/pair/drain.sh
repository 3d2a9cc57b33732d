#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A member is drained under load: who is there stays, with all its group, and nobody new comes.
# Restarts of lbd, a failover and a node that boots change nothing of that; at the deadline the
# sessions end by resets, client by client over the spread, and come back elsewhere.  Maintenance
# ends them at once, whatever the checks say; and nobody is left without a member.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

SESSIONS=120 OTHERS=60

# about NODE MEMBER FIELD: of `pairctl -j members`; empty when absent.
about() {
	pairctl "$1" -j members 2>/dev/null | python3 -c '
import json, sys
for member in json.load(sys.stdin)["members"]:
    if member["name"] == sys.argv[1]:
        print(member.get(sys.argv[2], ""))' "$2" "$3"
}
is() { [[ $(about "$1" "$2" state) == "$3" ]]; }
# shares NODE MEMBER: of new clients, of each pool.
shares() {
	pairctl "$1" -j members 2>/dev/null | python3 -c '
import json, sys
for member in json.load(sys.stdin)["members"]:
    if member["name"] == sys.argv[1]:
        print(*(round(pool["share"], 2) for pool in member["pool"]))' "$2"
}
no_share() { [[ $(shares "$1" "$2") == "0 0" || $(shares "$1" "$2") == "0.0 0.0" ]]; }
some_share() { ! no_share "$1" "$2" && [[ $(shares "$1" "$2") != *0.0 ]]; }
# On both nodes, which have it from the log.
both_are() { is 1 "$1" "$2" && is 2 "$1" "$2"; }
nobody_new() { no_share 1 "$1" && no_share 2 "$1"; }

# refused NODE STATUS TEXT ARGUMENTS...
refused() {
	local node=$1 status=$2 text=$3 out
	shift 3
	out=$(pairctl "$node" "$@" 2>&1)
	[[ $? == "$status" && $out == *$text* ]] || fail "pairctl $*: not refused as it should: $out"
}

opened() { grep -q '"event":"open"' "$LAB/log/$1.out" || gone "$1"; }
# clients NAME FIRST-SOURCE SOURCES MEMBER COUNT OTHERS
clients() {
	spawn "$1" client "$LAB_TOP/tests/lib/silent.py" "$LAB_VIP" "$2" "$3" 7000,7001 "$4" "$5" "$6"
	wait_for 60 "$1: sessions to open" opened "$1"
	say "$1: $(grep '"event":"open"' "$LAB/log/$1.out")"
}
seen() { awk -F'"count":' '/"event":"reset"/ { n += $2 } END { print n + 0 }' "$LAB/log/$1.out"; }
all_seen() { (($(seen "$1") >= $2)); }
end() {
	signal -TERM "$1"
	wait_for 10 "$1 to end" gone "$1"
	say "$1: $(grep '"event":"total"' "$LAB/log/$1.out")"
}
# Clients that nobody has seen yet: none of them may come to MEMBER.
strangers() {
	clients "$1" "$2" 4 "$3" 0 4
	! grep '"event":"open"' "$LAB/log/$1.out" | grep -q "\"$3\"" || fail "$1: a stranger is at $3"
	end "$1"
}
pinned() { [[ $(pairctl "$1" where "$2" 7001) == *"-> $3: pinned"* ]]; }
not_at() { [[ $(pairctl "$1" where "$2" 7001) != *"-> $3:"* ]]; }
# A source that is at MEMBER.
home_of() {
	local i
	for ((i = $2; i < $2 + $3; i++)); do
		! pinned 1 "10.20.0.$i" "$1" || { echo "10.20.0.$i"; return; }
	done
}

pair_start
for ((i = 164; i < 190; i++)); do
	echo "addr add 10.20.0.$i/24 dev eth0"
done | ip -n client -batch -
for space in "${LAB_MEMBERS[@]}"; do
	spawn "chat-$space-7001" "$space" "$LAB_BUILD/tests/chat" serve "$space" 7001
	wait_for 5 "chat server 7001 on $space" on "$space" sh -c "ss -Hltn sport = 7001 | grep -q ."
done

refused 2 4 "this node is not active; ask lb1" drain m1
refused 1 2 "there is no member m9" drain m9
refused 1 2 "from which --deadline on" drain m1 --spread 5s
refused 1 2 "deadline takes a time" drain m1 --deadline soon

# Drained: who is there stays.
clients early 10.20.0.100 40 m1 "$SESSIONS" "$OTHERS"
clients brief 10.20.0.140 30 m1 30 30
early=$(home_of m1 100 40) brief=$(home_of m1 140 30)
[[ -n $early && -n $brief ]] || fail "no client is pinned to m1"
end brief
pairctl 1 drain m1 -m "patch night" || fail "drain failed"
LAB_POLL=0.1 wait_for 10 "both nodes to call m1 draining" both_are m1 draining
LAB_POLL=0.1 wait_for 10 "m1 to have no share on either node" nobody_new m1
[[ $(about 2 m1 admin_reason) == "patch night" && $(about 2 m1 admin_uid) == 0 ]] ||
	fail "the standby does not know who and why: $(pairctl 2 members)"
strangers first 10.20.0.170 m1
pinned 1 "$early" m1 || fail "a client with sessions at m1 would not be sent there"
LAB_POLL=0.1 wait_for 30 "a client without sessions to be free of m1" not_at 1 "$brief" m1

# lbd of either node dies and comes back.
for node in 1 2; do
	daemon_kill "$node" lbd
	daemon_start "$node" lbd
	await_daemon "$node" lbd
	LAB_POLL=0.1 wait_for 20 "m1 to be drained still on lb$node" is "$node" m1 draining
done
strangers second 10.20.0.174 m1
LAB_POLL=0.1 wait_for 20 "lb1 active, lb2 in sync" pair_is 1 2

# The standby's lbd stands still, then dies: what it has not read is not acknowledged, its successor
# reads it in the log, and until then no operator hands over to it.
log_waits() { (($(field 1 sync.lag_records) > 0)); }
caught_up() { is_standby 2 && ! log_waits; }
snapshots=$(field 1 sync.snapshots)
signal -STOP lb2-lbd
pairctl 1 drain m2 -m "lbd stands still" || fail "a drain that the standby cannot hear failed"
LAB_POLL=0.1 wait_for 10 "the log to wait for lbd of lb2" log_waits
! pairctl 1 failover >"$LAB/log/failover.log" 2>&1 || fail "handed over to who has not heard a drain"
daemon_kill 2 lbd
log_waits || fail "a word is acknowledged that a dead lbd was to read"
daemon_start 2 lbd
await_daemon 2 lbd
LAB_POLL=0.1 wait_for 20 "lb2 to be in sync" caught_up
is 2 m2 draining || fail "acknowledged, and m2 is not drained: $(pairctl 2 members)"
[[ $(field 1 sync.snapshots) == "$snapshots" ]] || fail "a snapshot was made for a drain"
pairctl 1 undrain m2 || fail "undrain failed"
LAB_POLL=0.1 wait_for 20 "m2 to be up on both nodes" both_are m2 up

# With a deadline now, and in the middle of that the other node takes over.
began=$(ms)
pairctl 1 drain m1 --deadline 12s --spread 8s -m "patch night" || fail "second drain failed"
LAB_POLL=0.1 wait_for 10 "lb2 to know the deadline" \
	eval '[[ $(about 2 m1 deadline_left_ms) -gt 0 && $(about 2 m1 spread_ms) == 8000 ]]'
pairctl 1 failover || fail "failover refused"
LAB_POLL=0.1 wait_for 20 "lb2 active" has_role 2 active
is 2 m1 draining || fail "m1 is not drained after the failover: $(pairctl 2 members)"
strangers third 10.20.0.178 m1
(($(seen early) == 0 || $(ms) - began >= 12000)) || fail "sessions ended before the deadline"
LAB_POLL=0.1 wait_for 60 "every session at m1 to end" all_seen early "$SESSIONS"
# A session that was ended is remembered for 30 s.
LAB_POLL=0.1 wait_for 60 "m1 to be drained" eval 'is 2 m1 drained && (($(about 2 m1 sessions) == 0))'
work 1500
end early
[[ $(chat_total early resets waiting twice torn) == "$SESSIONS 0 0 0" ]] ||
	fail "resets, waiting, reset twice, torn: $(chat_total early resets waiting twice torn)"
[[ $(chat_total early ends) == *"m1 ECONNRESET"* && $(chat_total early ends) != *,* ]] ||
	fail "other ends: $(chat_total early ends)"
read -r since took < <(chat_total early first last |
	awk -v began="$began" '{ printf "%d %d\n", $1 - began, $2 - $1 }')
say "the first session ended $since ms after the word, the last one $took ms later"
((since >= 11900)) || fail "the first session ended after $since ms"
((took >= 500)) || fail "all sessions ended within $took ms, not spread"

# A node boots, and knows.
node_power_off 1
node_power_on 1
LAB_POLL=0.1 wait_for 20 "m1 to be drained on the node that has booted" is 1 m1 drained
LAB_POLL=0.1 wait_for 30 "lb2 active, lb1 in sync" pair_is 2 1

# Back.
pairctl 2 undrain m1 || fail "undrain failed"
LAB_POLL=0.1 wait_for 20 "m1 to be up on both nodes" both_are m1 up
LAB_POLL=0.1 wait_for 20 "m1 to have a share on both nodes" \
	eval 'some_share 1 m1 && some_share 2 m1'

# Maintenance: at once, and checks do not matter.
clients late 10.20.0.100 40 m2 "$SESSIONS" "$OTHERS"
pairctl 2 -j maintenance m2 -m disk | grep -q '"word":"maintenance"' || fail "maintenance failed"
LAB_POLL=0.1 wait_for 60 "every session at m2 to end" all_seen late "$SESSIONS"
LAB_POLL=0.1 wait_for 10 "both nodes to call it maintenance" both_are m2 maintenance
strangers fourth 10.20.0.182 m2
work 1500
end late
[[ $(chat_total late resets waiting twice torn) == "$SESSIONS 0 0 0" ]] ||
	fail "resets, waiting, reset twice, torn: $(chat_total late resets waiting twice torn)"

# Nobody is left without a member.
pairctl 2 drain m1 >/dev/null || fail "m1 cannot be drained"
refused 2 4 "no other member of lab/" drain m3
refused 2 4 "no other member of lab/" maintenance m3
pairctl 2 up m2 || fail "up failed"
pairctl 2 up m1 || fail "up failed"
LAB_POLL=0.1 wait_for 20 "all members to be up" eval 'both_are m1 up && both_are m2 up'
LAB_POLL=0.1 wait_for 20 "m2 to have a share on both nodes" \
	eval 'some_share 1 m2 && some_share 2 m2'
