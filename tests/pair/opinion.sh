#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The standby cannot reach a member that the active node reaches: both nodes say so, and who sees
# what; no verdict changes, no client moves.  Then the other way round, and it is told until they
# agree.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

# A standby's probes are rare: few of them have to do.
eval "$(declare -f lab_config | sed '1s/lab_config/plain_config/')"
lab_config() {
	plain_config "$@"
	sed -i "s/check tcp { interval 500ms; timeout 400ms }/check tcp { interval 500ms; timeout 400ms; fall 2; rise 1 }/" \
		"$LAB/pair.conf"
}

verdict() {
	pairctl "$1" -j members 2>/dev/null | "$LAB_TOP/tests/lib/verdict.py" "$2" "$3"
}
# told NODE TEXT: a line of `pairctl members`.
told() { pairctl "$1" members 2>/dev/null | grep -q "^$2$"; }
silent() { ! pairctl "$1" members 2>/dev/null | grep -q " sees lab/"; }
noted() { pairctl "$1" status 2>/dev/null | grep -q "^note: $2$"; }
both_told() { told 1 "$1" && told 2 "$1" && noted 1 "$1" && noted 2 "$1"; }
both_silent() { silent 1 && silent 2; }
# All that comes from the member gets lost at the node.
part() {
	on "$1" nft add table inet parted
	on "$1" nft add chain inet parted in '{ type filter hook input priority 0; }'
	on "$1" nft add rule inet parted in ip saddr "$2" tcp sport 7000 drop
}
join() { on "$1" nft delete table inet parted; }

pair_start
both_silent || fail "somebody objects: $(pairctl 1 members)"
chat_start chat 7000 60 "$LAB_CLIENTS" 30

part lb2 10.30.0.21
LAB_POLL=0.1 wait_for 40 "both nodes to say that lb2 sees m1 down" \
	both_told "lb2 sees lab/m1 down in chat: tcp 7000 timeout"
[[ $(verdict 1 m1 chat) == "up tcp 7000 "* ]] || fail "the standby's opinion has changed a verdict"
[[ $(verdict 2 m1 chat) == "up tcp 7000 timeout" ]] || fail "lb2: $(verdict 2 m1 chat)"
pairctl 1 -j members | grep -q '"objector":"lb2","objection":"tcp 7000 timeout"' ||
	fail "no objector: $(pairctl 1 -j members)"
grep -q "the standby sees lab/m1 down in chat: tcp 7000 timeout" "$LAB/log/lb1-lbd.log" ||
	fail "the log of lb1 does not say so"
join lb2
LAB_POLL=0.1 wait_for 40 "lb2 to see m1" both_silent
chat_stop chat

part lb1 10.30.0.22
LAB_POLL=0.1 wait_for 40 "both nodes to say that lb2 sees m2 up" \
	both_told "lb2 sees lab/m2 up in chat: tcp 7000 [0-9.]* ms"
[[ $(verdict 2 m2 chat) == "down tcp 7000 "* ]] || fail "lb2 does not obey: $(verdict 2 m2 chat)"
