#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The mailbox service of one of three members dies, nothing else of it, with clients that hold
# a line to a mailbox and one to an address book: both lines of the clients of that member end by
# one exact reset, both come back to one other member, and no other client notices.  First it hangs
# at a static port while TCP still accepts, then another one is gone from a dynamic port, under the
# node that took over meanwhile.
#
# FULL=1 holds the return to two seconds, and lets a node die, too; SESSIONS is their number.

. "${0%/*}/../lib/pair.sh"
. "${0%/*}/../lib/cas.sh"
lab_enter "$@"

SESSIONS=${SESSIONS:-500} SOURCES=60
BACK_MS=${FULL:+2000}
BACK_MS=${BACK_MS:-15000} # of a machine that does other things meanwhile

# As the profile for Exchange 2010 has them.
eval "$(declare -f lab_config | sed '1s/lab_config/plain_config/')"
lab_config() {
	local reset="idle-timeout 24h; on-member-down reset"
	plain_config "$@"
	sed -i -e "s,check tcp { port [0-9]*; interval.*,check rpc-epm { interface rpc-client-access\, address-book; interval 500ms; timeout 400ms }," \
		-e "/follow rpc-epm/s,idle-timeout 24h,$reset," \
		-e "/^    member m1/i\\
    service mapi { ports 59531; affinity-group rpc; follow rpc-epm; $reset }\\
    service address-book { ports 59532; affinity-group rpc; follow rpc-epm; $reset }" "$LAB/pair.conf"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

# told FIELD...: what the clients said last.
told() { tail -n 2 "$LAB/log/mapi.out" | grep '}$' | tail -n 1 | "$LAB_TOP/tests/lib/field.py" "$@"; }
all_held() { [[ $(told held waiting torn) == "$((2 * SESSIONS)) 0 0" ]]; }
# at MEMBER: mailbox lines there.
at() { local count; count=$(told "members.$1"); echo "${count:-0}"; }
forget() {
	local before
	before=$(grep -c forgotten "$LAB/log/mapi.out")
	signal -USR1 mapi
	wait_for 5 "the clients to forget" \
		eval '(($(grep -c forgotten "$LAB/log/mapi.out") > before))'
}
answered() { (($(told answers) >= $1)); }
joined() { (($(told joined) >= $1)); }
# Since forget(): every line has been answered, about twice, and none has ended; new connections
# went to the servers of the lines that they belong to, or these would not have taken them.
undisturbed() {
	LAB_POLL=0.1 wait_for 30 "$1: answers to everybody" answered $((4 * SESSIONS))
	LAB_POLL=0.1 wait_for 30 "$1: all lines held, none torn" all_held
	LAB_POLL=0.1 wait_for 30 "$1: connections that join" joined $((SESSIONS / 2))
	[[ $(told ends parted) == "{} {}" ]] ||
		fail "$1: lines have ended, or others not joined them: $(told ends parted)"
	say "$1: all $((2 * SESSIONS)) lines held, $(told joined) new connections joined them," \
		"the longest answer took $(told answer_ms) ms"
}

challenges() {
	nsenter --net=/run/netns/client cat /proc/net/netstat | awk '
		$1 == name { for (i = 2; i <= NF; i++) value[label[i]] = $i; name = ""; next }
		{ name = $1; for (i = 2; i <= NF; i++) label[i] = $i }
		END { print value["TCPChallengeACK"] + 0 }'
}
# verdict_ms NODE MEMBER: when its lbd said last that the member is down.
verdict_ms() {
	local at
	at=$(sed -n "s/ lbd info: lab\/$2 is down in rpc: .*//p" "$LAB/log/lb$1-lbd.log" | tail -1)
	[[ -n $at ]] || return 1
	at=$(date -d "$at" +%s%3N)
	((at <= $(ms))) || at=$((at - 86400000)) # said before midnight
	echo "$at"
}
is_down() { (($(verdict_ms "$1" "$2") > $3)); }
moved_on() { all_held && (($(at "$1") == 0)); }

# mailbox_dies NODE MEMBER FAULT CHALLENGES: NODE is active.  Nobody challenges an exact reset;
# after a takeover numbers may be old, and are asked for by as many packets that are challenged.
mailbox_dies() {
	local node=$1 member=$2 fault=$3 count began verdict challenged
	count=$(at "$member")
	((count > 0)) || fail "nobody is at $member: $(told members)"
	forget
	challenged=$(challenges)
	began=$(ms)
	cas_fail "$member" mapi "$fault"
	LAB_POLL=0.1 wait_for 20 "$member to be down" is_down "$node" "$member" "$began"
	verdict=$(verdict_ms "$node" "$member")
	cas_is "$member" book well || fail "the address book of $member is not well"
	LAB_POLL=0.1 wait_for 30 "all clients to be back elsewhere" moved_on "$member"
	[[ $(told ends) == "{'$member ECONNRESET': $((2 * count))}" ]] ||
		fail "$((2 * count)) lines of $member were to be reset, and no other: $(told ends)"
	challenged=$(($(challenges) - challenged))
	((challenged <= $4)) || fail "$challenged resets were not exact: they were challenged"
	say "mapi of $member: $fault at port $(cas_port "$member" mapi)," \
		"out after $((verdict - began)) ms; $count mailboxes and address books reset from $(($(told first_end) - verdict)) ms on," \
		"all back $(($(told last_back) - verdict)) ms after the verdict; challenged: $challenged"
	(($(told last_back) - verdict <= BACK_MS)) || fail "that took longer than $BACK_MS ms"
}

all_up() { (($(pairctl "$1" -j members | grep -o '"state":"up"' | wc -l) == 3)); }
# Who has found another member stays there.
mailbox_returns() {
	local node=$1 member=$2
	forget
	cas_fail "$member" mapi well
	LAB_POLL=0.1 wait_for 20 "$member to be up" all_up "$node"
	undisturbed "mapi of $member is back"
}

lab_wires
lab_members
lab_config
cas_start m1 mapi=59531 book=59532
cas_start m2 mapi=6101-6199 book=6201-6299
cas_start m3 mapi=49200-49299 book=49300-49399
pair_begin
spawn mapi client "$LAB_BUILD/tests/mapi" "$LAB_VIP" "$SESSIONS" "$LAB_CLIENTS" "$SOURCES" 1000
LAB_POLL=0.1 wait_for 60 "$SESSIONS clients to be there" all_held
say "$SESSIONS clients at $(told members)"

mailbox_dies 1 m1 hang 0
forget
pairctl 1 failover >"$LAB/log/failover.log" 2>&1 || fail "failover: $(cat "$LAB/log/failover.log")"
pair_up 2 1
undisturbed "lb2 has taken over"
mailbox_returns 2 m1
mailbox_dies 2 m2 refuse 0

[[ -n $FULL ]] || exit 0
mailbox_returns 2 m2
forget
node_power_off 2
LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active
undisturbed "lb2 has died"
mailbox_dies 1 m3 hang $((2 * SESSIONS))
