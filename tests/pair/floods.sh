#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Floods of spoofed SYNs, of spoofed segments in mid-stream and a port scan, in both families, while
# real sessions run and new ones are begun: none of them notices, tables and memory stay as they
# are, the standby stays in sync, and status says within 3 s what is going on.  Then the flow table
# is filled up: who is in it stays, who comes is served without a record, and status complains.  I8.
#
# FLOOD=1000000 SESSIONS=1000 is the full size (make floods); RATE is in frames a second.  A table of
# all verdicts comes last, and decides.

LAB_V6=1
. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

FLOOD=${FLOOD:-100000} SESSIONS=${SESSIONS:-200} RATE=${RATE:-25000}
ROOM=$((SESSIONS + 700)) # flows in the table, a few of them the probe's
# One retransmission, which comes after 200 ms; the second one comes 400 later: make floods has 500.
STALL_MS=${STALL_MS:-3000}
GROWTH_KB=4096           # of a daemon's memory, in all
PINS=200                 # of 60 sources in one affinity group, and the probe's
verdicts=() failures=0

# judge WHAT FOUND LIMIT: it must not be above that.
judge() {
	local verdict=ok
	(($2 <= $3)) || { verdict=FAILED failures=$((failures + 1)); }
	verdicts+=("$(printf '%-52s %9s %9s  %s' "$1" "$2" "$3" "$verdict")")
}
judged() {
	printf '\n%-52s %9s %9s\n' "what" "found" "at most"
	printf '%s\n' "${verdicts[@]}"
	((failures == 0)) || fail "$failures of ${#verdicts[@]} verdicts failed"
}

# The last count that was written in full.
last() { grep '"event":"count".*}$' "$LAB/log/$1.out" | tail -n 1; }
# Its own pages, without those of files.  The log of the active node's syncd fills a ring that was
# asked for at its start, 104 bytes a record: that much is known beforehand and is no growth.
memory() { awk '/^RssAnon/ { print $2 }' "/proc/$(pid_of "$1")/status"; }
logged_kb() {
	local head=
	[[ $1 != lb1-syncd ]] || head=$(field 1 sync.head_seq)
	echo $((${head:-0} * 104 / 1024))
}
rose() { (($(counter 1 "$1") >= $2)); }
says() { pairctl 1 status | grep -q "$1"; }
silent() { ! says "$1"; }

# Who answers the spoofed addresses finds a way there.
way_back() {
	pp ip -n "lb$1" route add 100.64.0.0/10 via 10.20.0.100
	pp ip -n "lb$1" route add 2001:db8:ff::/64 via 2001:db8:20::100
}

# Of the probe's connections, 100 a second, those of the last few seconds are recorded.
most() {
	local flows pins
	read -r flows pins < <(field 1 lbd.flows lbd.pins)
	((flows <= most_flows)) || most_flows=$flows
	((pins <= most_pins)) || most_pins=$pins
}

# A busy machine may keep pairctl waiting for longer than it waits: no answer is none.
replicates() {
	local state start=$SECONDS
	until state=$(field 2 sync.state) && [[ -n $state ]]; do
		((SECONDS - start <= 3)) || fail "$1: syncd of lb2 does not answer"
	done
	[[ $state == in-sync ]] || { say "$1: the standby is $state"; out_of_sync=$((out_of_sync + 1)); }
}

# flood KIND COUNTER: starts one and waits for it; the counter says so within 3 s.
flood() {
	local kind=$1 name=$2 before start most_flows=0 most_pins=0 out_of_sync=0
	before=$(counter 1 "$name")
	signal -USR1 real
	start=$(ms)
	spawn "flood-$kind" client nice -n 19 "$LAB_BUILD/tests/flood" "$kind" eth0 "$LAB_MAC" 7000 "$FLOOD" \
		"$RATE" "$LAB_VIP" "$LAB_VIP6"
	wait_for 3 "$name to tell of it" rose "$name" $((before + 1000))
	say "$kind: $name has risen by 1000 after $(($(ms) - start)) ms"
	while lives "flood-$kind"; do
		most
		replicates "$kind"
		sleep 0.2
	done
	say "$kind: $(cat "$LAB/log/flood-$kind.out"); $name $before -> $(counter 1 "$name"), flows" \
		"and pins $(field 1 lbd.flows lbd.pins); $(last real)"
	judge "$kind: flows in the table, $SESSIONS of them sessions" "$most_flows" $((SESSIONS + 650))
	judge "$kind: pins" "$most_pins" "$PINS"
	judge "$kind: times the standby was out of sync" "$out_of_sync" 0
	stalls "$kind"
}

stalls() {
	local lost moved stall
	work 500
	read -r lost moved stall < <(last real |
		"$LAB_TOP/tests/lib/field.py" lost moved longest_stall_ms)
	judge "$1: sessions lost" "$lost" 0
	judge "$1: sessions moved" "$moved" 0
	judge "$1: longest stall of a session, ms" "${stall%.*}" "$STALL_MS"
}

pair_start "$ROOM"
way_back 1
way_back 2
LAB_MAC=$(mac_of lb1 eth0)
chat_start real 7000 "$SESSIONS" 10.20.0.100 60
declare -A before logged
for daemon in lb1-lbd lb1-syncd lb2-lbd lb2-syncd; do
	before[$daemon]=$(memory "$daemon")
	logged[$daemon]=$(logged_kb "$daemon")
done

probe_start
flood syn admitted
flood ack derived
flood scan forwarded_in
gap=$(probe_stop)
say "new connections came to be all the time, at most $gap ms apart"
judge "longest time without a new connection, ms" "${gap%.*}" 1500
for daemon in "${!before[@]}"; do
	now=$(memory "$daemon")
	log=$(($(logged_kb "$daemon") - logged[$daemon]))
	say "$daemon: ${before[$daemon]} -> $now kB, $log of them its log"
	judge "$daemon: growth of memory, kB" $((now - before[$daemon] - log)) "$GROWTH_KB"
done

# More sessions than the table has room for.
signal -USR1 real
chat_start more 7000 1000 10.20.0.100 60
wait_for 3 "status to complain" says "flow table is full"
(($(counter 1 flows_full) > 0)) || fail "a full table is not counted"
work 1000
stalls full
out_of_sync=0
replicates full
judge "full: times the standby was out of sync" "$out_of_sync" 0
judge "full: flows in the table" "$(field 1 lbd.flows)" "$ROOM"
say "full: flows $(field 1 lbd.flows lbd.flows_max), flows_full $(counter 1 flows_full);" \
	"$(last more)"
judged
chat_stop more
wait_for 60 "room in the table, and no complaint" silent "flow table is full"
chat_stop real
say "0 of $SESSIONS sessions lost"
