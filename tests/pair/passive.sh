#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A passive check: probes come once a minute, and three of them have to fail; but the clients of a
# member that has gone silent are seen to wait, and it is out long before; so is one that refuses
# them.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

eval "$(declare -f lab_config | sed '1s/lab_config/plain_config/')"
lab_config() {
	plain_config "$@"
	sed -i "/service chat {/,/}/s/check tcp .*/check tcp { interval 1min; timeout 400ms }; check passive { silent-syns 5 }/" \
		"$LAB/pair.conf"
	grep -q "silent-syns 5" "$LAB/pair.conf" || fail "the lab's configuration has changed"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

# chat_is MEMBER VERDICT: in the pool of the chat services.
chat_is() { [[ $(pairctl 1 -j members 2>/dev/null | "$LAB_TOP/tests/lib/verdict.py" "$1" chat) == $2* ]]; }
told() { grep -q "lab/$1 has not answered the last" "$LAB/log/lb1-lbd.log"; }

# callers NAME FIRST-SOURCE SOURCES: they try and try.
callers() {
	spawn "$1" client python3 -c '
import ipaddress, socket, sys, time
first = int(ipaddress.ip_address(sys.argv[2]))
while True:
    calls = []
    for i in range(int(sys.argv[3])):
        call = socket.socket()
        call.bind((str(ipaddress.ip_address(first + i)), 0))
        call.setblocking(False)
        call.connect_ex((sys.argv[1], 7000))
        calls.append(call)
    time.sleep(1)
    for call in calls:
        call.close()' "$LAB_VIP" "$2" "$3"
}

pair_start
for member in "${LAB_MEMBERS[@]}"; do
	wait_for 10 "$member to be up" chat_is "$member" up
done
callers crowd 10.20.0.100 40
work 3000
! told m1 && ! told m2 && ! told m3 || fail "a member that answers is suspected"
pp ip -n switch link set m1-eth0 down
LAB_POLL=0.1 wait_for 45 "m1 to be out" chat_is m1 down
told m1 || fail "m1 is out, and not for its silence: $(pairctl 1 members)"
chat_is m2 up && chat_is m3 up || fail "others are out too: $(pairctl 1 members)"
! told m2 && ! told m3 || fail "members that answer are suspected"

signal -KILL chat-m2
LAB_POLL=0.1 wait_for 45 "m2 to be out" chat_is m2 down
! told m2 || fail "m2 refuses, and is said to be silent"
chat_is m3 up || fail "m3 is out too: $(pairctl 1 members)"
