#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The RPC check against real servers: each verdict for its own reason, and what a TCP check of the
# same member says meanwhile.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

SAMR=12345778-1234-abcd-ef00-0123456789ac/1.0
LSARPC=12345778-1234-abcd-ef00-0123456789ab/0.0 # same port as SAMR: an alter_context on it
FALL=3 INTERVAL=500 TIMEOUT=400

# The lab's configuration with checks of our own: two pools judged by RPC, one by TCP.
rpc_config() {
	local every="interval ${INTERVAL}ms; timeout ${TIMEOUT}ms; fall $FALL"
	lab_config
	sed -i "s,check tcp { port [0-9]*; interval.*,check rpc-epm { interface $SAMR\, $LSARPC; $every }," \
		"$LAB/pair.conf"
	sed -i "/^    member m1/i\\
    service mapi { ports 59531; check rpc-epm { interface rpc-client-access; $every } }\\
    service book { ports 59532; check rpc-epm { interface address-book; $every } }\\
    service view { ports 59533; check tcp { port 135; $every } }" "$LAB/pair.conf"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

# verdict MEMBER POOL: "up rpc 135 4.1 ms: ..."
verdict() {
	pairctl 1 -j members 2>/dev/null | "$LAB_TOP/tests/lib/verdict.py" "$1" "$2"
}
# says MEMBER POOL PATTERN
says() { [[ $(verdict "$1" "$2") == $3 ]]; }
await() { wait_for 15 "$1 in pool $2 to be \"$3\"" says "$1" "$2" "$3"; }
register() { "$LAB_TOP/tests/lib/epmdb.py" "$LAB/samba-$1/lock" "${@:2}" || fail "epmdb.py failed"; }

# samba_pids MEMBER [NAME]: the server's processes.
samba_pids() {
	local pid
	for pid in $(ip netns pids "$1"); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != ${2:-@(samba|rpcd)*} ]] || printf '%s\n' "$pid"
	done
}

shopt -s extglob
lab_wires
lab_members samba
rpc_config
register m2 emsmdb=$(on m2 ss -Hltn | sed -n 's/.*:\(492[0-9]*\) .*/\1/p' | head -1)
register m3 emsmdb=59531 nspi=60000 rfr=60000
node_start 1
LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active

# Healthy, on a port that the mapper of each member chose itself.
await m1 rpc 'up rpc 135 * ms: connect *, bind *, map *; 61[0-9][0-9]: connect *, bind *'
await m2 rpc 'up rpc 135 *; 492[0-9][0-9]: *'
await m3 rpc 'up rpc 135 *; 590[0-9][0-9]: *'
say "m1: $(verdict m1 rpc)"

await m1 mapi 'down rpc 135 not-registered (emsmdb)'
await m1 book 'down rpc 135 not-registered (nspi)'
await m2 mapi 'down rpc 492* wrong-service (emsmdb)' # Samba's SAMR lives there
await m3 mapi 'down rpc 59531 refused (emsmdb)'
await m3 book 'down rpc 60000 port-drift (nspi)' # the VIP does not forward it

# It hangs: the kernel still accepts connections.
start=$(ms)
# shellcheck disable=SC2046 # a list of PIDs
pp kill -STOP $(samba_pids m1)
LAB_POLL=0.01 wait_for 10 "m1 to be taken out" says m1 rpc 'down *'
took=$(($(ms) - start))
limit=$((FALL * INTERVAL + TIMEOUT))
await m1 rpc 'down rpc 135 hung in bind after * ms'
((took <= limit + 100)) || fail "a hung member was out after $took ms; $limit ms are promised"
says m1 view 'up tcp 135 *' || fail "a TCP check does not find the hung member healthy"
says m2 rpc 'up *' && says m3 rpc 'up *' || fail "the others have suffered"
# shellcheck disable=SC2046
pp kill -CONT $(samba_pids m1)
await m1 rpc 'up *'

# Only the service hangs, the mapper is well: somebody who listens on its port and never accepts.
spawn mute m3 /usr/bin/python3 -c 'import signal, socket
mute = socket.create_server(("10.30.0.23", 59531))
signal.pause()'
await m3 mapi 'down rpc 59531 hung (emsmdb) in bind after * ms'
says m3 rpc 'up *' || fail "another interface of the same member has suffered"

# Nobody at all answers: not hung.
signal -KILL samba-m1
# shellcheck disable=SC2046
pp kill -KILL $(samba_pids m1) 2>/dev/null
await m1 rpc 'down rpc 135 refused'
await m1 view 'down tcp 135 refused'
say "a member whose RPC hangs was out after $took ms of $limit; its TCP check said healthy"
