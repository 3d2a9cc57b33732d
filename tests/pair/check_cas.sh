#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The RPC check against stand-ins for a CAS, whose answers impacket and Samba have found right: each
# verdict on mailbox, address book and mapper, at static and at dynamic ports.

. "${0%/*}/../lib/pair.sh"
. "${0%/*}/../lib/cas.sh"
lab_enter "$@"

# Mailbox and address book judged apart, so that each can be seen to fail alone.
cas_config() {
	local every="interval 300ms; timeout 300ms; fall 2; rise 1"
	lab_config
	sed -i "s,check tcp { port [0-9]*; interval.*,check rpc-epm { interface rpc-client-access\, address-book; $every }," \
		"$LAB/pair.conf"
	sed -i "/^    member m1/i\\
    service mapi { ports 59531; check rpc-epm { interface rpc-client-access; $every } }\\
    service book { ports 59532; check rpc-epm { interface address-book; $every } }" "$LAB/pair.conf"
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the configuration of this test has faults"; }
}

verdict() {
	pairctl 1 -j members 2>/dev/null | "$LAB_TOP/tests/lib/verdict.py" "$1" "$2"
}
# says MEMBER POOL PATTERN
says() { [[ $(verdict "$1" "$2") == $3 ]]; }
await() { LAB_POLL=0.05 wait_for 20 "$1 in pool $2 to be \"$3\"" says "$1" "$2" "$3"; }
# referee MEMBER ADDRESS
referee() {
	on "$1" timeout 60 "$LAB_TOP/tests/casmock/referee.py" "$2" "$1" "$(cas_port "$1" mapi)" \
		"$(cas_port "$1" book)" >"$LAB/log/referee-$1.log" 2>&1 ||
		fail "casmock of $1: $(tail -3 "$LAB/log/referee-$1.log")"
	say "$1: $(tail -1 "$LAB/log/referee-$1.log")"
}

# one_fails MEMBER SERVICE OTHER PORT INTERFACE: each of its faults is named, the other service is
# well, and the pool that needs both agrees.
one_fails() {
	local member=$1 service=$2 other=$3 port=$4 interface=$5 fault verdict
	local -A verdicts=(
		[refuse]="down rpc $port refused ($interface)"
		[deaf]="down rpc $port timeout ($interface)"
		[hang]="down rpc $port hung ($interface) in bind after * ms"
		[unregistered]="down rpc 135 not-registered ($interface)"
		[wrong]="down rpc $port wrong-service ($interface)"
		[garbage]="down rpc $port no-rpc ($interface)"
		[congested]="up rpc $port congested ($interface)" # it lives: nobody is sent away
		[limit]="up rpc $port congested ($interface)"
		[full]="up rpc $port congested ($interface)"
	)
	for fault in "${!verdicts[@]}"; do
		verdict=${verdicts[$fault]}
		cas_fail "$member" "$service" "$fault"
		await "$member" "$service" "$verdict"
		await "$member" rpc "$verdict"
		await "$member" "$other" 'up rpc 135 *'
		cas_fail "$member" "$service" well
		port=$(cas_port "$member" "$service")
		await "$member" "$service" "up rpc 135 *; $port: *"
		await "$member" rpc 'up *'
	done
}

# mapper_fails MEMBER: both services are judged by it.
mapper_fails() {
	local fault verdict
	local -A verdicts=(
		[refuse]="down rpc 135 refused"
		[deaf]="down rpc 135 timeout"
		[hang]="down rpc 135 hung in bind after * ms"
		[wrong]="down rpc 135 wrong-service"
		[garbage]="down rpc 135 no-rpc"
		[congested]="up rpc 135 congested"
		[busy]="up rpc 135 congested"
		[denied]="up rpc 135 mapper-refuses-anonymous"
	)
	for fault in "${!verdicts[@]}"; do
		verdict=${verdicts[$fault]}
		cas_fail "$1" mapper "$fault"
		await "$1" mapi "$verdict"
		await "$1" book "$verdict"
		cas_fail "$1" mapper well
		await "$1" mapi 'up rpc 135 * ms: *'
		await "$1" book 'up rpc 135 * ms: *'
	done
}

lab_wires
lab_members
cas_config
cas_start m1 mapi=59531 book=59532 wait=200
cas_start m2 mapi=6101-6199 book=6201-6299 wait=200
cas_start m3 mapi=49200-49299 book=49300-49399
referee m1 10.30.0.21
referee m2 10.30.0.22
node_start 1
LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active

# Healthy, at static ports and at those that each member chose itself.
for member in "${LAB_MEMBERS[@]}"; do
	mapi=$(cas_port "$member" mapi) book=$(cas_port "$member" book)
	await "$member" rpc "up rpc 135 *; $mapi,$book: connect *, bind *"
	await "$member" mapi "up rpc 135 *; $mapi: *"
	await "$member" book "up rpc 135 *; $book: *"
done
say "m2: $(verdict m2 rpc)"

# Side by side; m3 is well meanwhile, so the pool that needs both services keeps a member.
one_fails m1 mapi book 59531 emsmdb &
mailbox=$!
one_fails m2 book mapi "62[0-9][0-9]" nspi || exit 1
wait "$mailbox" || exit 1
mapper_fails m3

# Drift: a service that has come back where no client can reach it, and is followed when it can be.
cas_move m1 mapi 60100
await m1 mapi 'down rpc 60100 port-drift (emsmdb)'
await m1 book 'up *'
cas_move m1 mapi 6301-6399
await m1 mapi "up rpc 135 *; $(cas_port m1 mapi): *"
cas_move m1 mapi 59531
await m1 rpc 'up rpc 135 *; 59531,59532: *'
