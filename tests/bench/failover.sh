#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/bench/failover.sh BUILD-DIR
#
# How long a client gets no answer when the active node is lost in one way or another: the pair and
# Debian's keepalived side by side in one lab, turn by turn, so that both meet the same machine.
# An echo request each millisecond; what is told is the longest time without an answer, how many were
# lost, and for how long two stations answered ARP for the address.  Then both processors are kept
# busy, and roles that move although nothing has failed are counted.
# Writes BUILD-DIR/bench/failover.json and failover.svg.
#
# N (10) repetitions with adverts of 100 and of 10 ms, SLOW (4) with adverts of 1 s, BUSY (60) seconds
# of load for each setting; FAULTS picks some.  Takes about a quarter of an hour.

. "${0%/*}/../lib/drill.sh"
[[ -x /usr/sbin/keepalived ]] || { echo "keepalived is missing; run tests/lib/setup.sh"; exit 77; }
lab_enter "$@"

LAB_SPACES+=(ka1 ka2)
KA_VIP=10.20.0.30
N=${N:-10} SLOW=${SLOW:-4} BUSY=${BUSY:-60}
FAULTS=${FAULTS:-power_off sigkill sigterm link_down planned}
OUT=$LAB_BUILD/bench
RAW=$LAB/log/raw
BEGUN=$(ms)

# --- keepalived -----------------------------------------------------------------------------------

ka_wires() {
	local i
	for i in 1 2; do
		port "ka$i" eth0 br-out
		pp ip -n "ka$i" addr add "10.20.0.3$i/24" dev eth0
	done
}

# ka_start NODE ADVERT-MS
ka_start() {
	cat >"$LAB/ka$1.conf" <<-END
		global_defs {
		    router_id ka$1
		    vrrp_version 3
		    $([[ -z $KA_REALTIME ]] || echo vrrp_rt_priority 50; echo vrrp_rlimit_rttime 2000000)
		}
		vrrp_instance bench {
		    state BACKUP
		    nopreempt
		    interface eth0
		    virtual_router_id 61
		    priority $((255 - $1))
		    advert_int $(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))
		    virtual_ipaddress { $KA_VIP/32 dev eth0 }
		}
	END
	rm -f "$LAB/pid/ka$1-vrrp"
	spawn "ka$1" "ka$1" keepalived --dont-fork --log-console --vrrp \
		--use-file "$LAB/ka$1.conf" --pid "$LAB/pid/ka$1-parent" \
		--vrrp_pid "$LAB/pid/ka$1-vrrp"
	wait_for 10 "keepalived to start" test -s "$LAB/pid/ka$1-vrrp"
}

ka_has() { ip -n "ka$1" -4 addr show dev eth0 | grep -q "$KA_VIP/32"; }
ka_leads() { ka_has "$1" && ! ka_has $((3 - $1)); }
ka_active() { if ka_has 1; then echo 1; else echo 2; fi; }
# Both in one call: a parent that lives starts the other again, one that is dead makes it leave.
ka_kill() {
	pp kill -KILL "$(pid_of "ka$1-vrrp")" "$(pid_of "ka$1")"
	wait_for 5 "keepalived to end" gone "ka$1"
	wait_for 5 "keepalived to end" gone "ka$1-vrrp"
}

ka_power_off() {
	signal -STOP "ka$1-vrrp"
	pp ip -n switch link set "ka$1-eth0" down
	ka_kill "$1"
}
ka_sigkill() { ka_kill "$1"; }
ka_sigterm() { signal -TERM "ka$1"; }
ka_link_down() { pp ip -n switch link set "ka$1-eth0" down; }
ka_sigstop() {
	signal -STOP "ka$1-vrrp"
	sleep 1
	signal -CONT "ka$1-vrrp"
}

ka_restore() {
	if lives "ka$1" && [[ $2 == sigterm ]]; then
		wait_for 5 "keepalived to end" gone "ka$1"
	fi
	if gone "ka$1"; then
		ip -n "ka$1" addr del "$KA_VIP/32" dev eth0 2>/dev/null
		pp ip -n switch link set "ka$1-eth0" up
		ka_start "$1" "$ADVERT"
	fi
	pp ip -n switch link set "ka$1-eth0" up
}
ka_settled() { ka_leads 1 || ka_leads 2; }

# --- ours -----------------------------------------------------------------------------------------

our_active() { if has_role 1 active; then echo 1; else echo 2; fi; }
our_power_off() { node_power_off "$1"; }
our_sigkill() { signal -KILL "lb$1-vrrpd"; }
our_sigterm() { signal -TERM "lb$1-vrrpd"; }
our_link_down() { pp ip -n switch link set "lb$1-eth0" down; }
our_planned() {
	pairctl "$1" failover >"$LAB/log/planned" 2>&1
}
our_sigstop() {
	signal -STOP "lb$1-vrrpd"
	sleep 1
	signal -CONT "lb$1-vrrpd"
}
our_restore() {
	case $2 in
	power_off) node_power_on "$1" ;;
	link_down) pp ip -n switch link set "lb$1-eth0" up ;;
	sigkill | sigterm)
		wait_for 5 "vrrpd to end" gone "lb$1-vrrpd"
		daemon_start "$1" vrrpd
		await_daemon "$1" vrrpd
		;;
	esac
}
our_settled() { pair_is 1 2 || pair_is 2 1; }

# --- drills ---------------------------------------------------------------------------------------

# drill WHO FAULT ADDRESS: one line of the record; fails when the fault could not be had, because the
# role had moved in the moment before.
drill() {
	local who=$1 fault=$2 address=$3 node two done=1
	LAB_POLL=0.05 wait_for 30 "$who to be settled before $fault" "${who}_settled"
	# Requests to nobody would else be queued for a neighbour that the client has forgotten.
	on client ping -q -c 1 -W 1 "$address" >/dev/null
	# A random phase of the adverts.
	work $((200 + RANDOM % ADVERT))
	spawn witness switch "$LAB_BUILD/tests/witness" 2 br-out "$address"
	spawn blackout client "$LAB_BUILD/tests/blackout" ping "$address"
	work 200
	# With adverts of 10 ms the role may have moved by itself a moment ago.
	node=$("${who}_active")
	"${who}_$fault" "$node" || done=
	work $((4 * ADVERT + 1000))
	signal -TERM blackout
	wait_for 5 "the prober to end" gone blackout
	witness_stop
	two=$(judge two)
	[[ -z $done ]] ||
		printf '{"who":"%s","fault":"%s","advert":%d,"two_owners_ms":%s,"probe":%s}\n' \
			"$who" "$fault" "$ADVERT" "$two" "$(cat "$LAB/log/blackout.out")" >>"$RAW"
	"${who}_restore" "$node" "$fault"
	[[ -n $done ]]
}

# round TIMES: each fault on both, in turn.
round() {
	local i fault
	for ((i = 0; i < $1; i++)); do
		for fault in $FAULTS; do
			until drill our "$fault" "$LAB_VIP"; do
				say "not handed over: $(head -1 "$LAB/log/planned")"
			done
			# There is no such thing: its clean stop is the nearest.
			[[ $fault == planned ]] || drill ka "$fault" "$KA_VIP"
		done
	done
}

# --- load -----------------------------------------------------------------------------------------

# From the logs of both: how often a node became active.
our_turns() { cat "$LAB"/log/lb?-vrrpd.log | grep -c -- '-> active'; }
ka_turns() { cat "$LAB"/log/ka?.log | grep -c 'Entering MASTER STATE'; }

# busy ADVERT-MS REALTIME
busy() {
	local our ka
	KA_REALTIME=$2 LAB_PLAIN=$([[ -n $2 ]] || echo 1)
	pace "$1"
	LAB_POLL=0.05 wait_for 30 "our pair to settle" our_settled
	LAB_POLL=0.05 wait_for 30 "keepalived to settle" ka_settled
	our=$(our_turns) ka=$(ka_turns)
	load_start
	work $((BUSY * 1000))
	load_stop
	LAB_POLL=0.05 wait_for 30 "our pair to settle" our_settled
	LAB_POLL=0.05 wait_for 30 "keepalived to settle" ka_settled
	printf '{"fault":"load","advert":%d,"realtime":%s,"seconds":%d,"our":%d,"ka":%d}\n' "$1" \
		"$([[ -n $2 ]] && echo true || echo false)" "$BUSY" $(($(our_turns) - our)) \
		$(($(ka_turns) - ka)) >>"$RAW"
	KA_REALTIME='' LAB_PLAIN=''
}

# --- all ------------------------------------------------------------------------------------------

# pace ADVERT-MS: both start anew with adverts of that interval.
pace() {
	local node
	ADVERT=$1
	for node in 1 2; do
		lives "lb$node-vrrpd" && node_stop "$node"
		if lives "ka$node"; then
			ka_kill "$node"
			ip -n "ka$node" addr del "$KA_VIP/32" dev eth0 2>/dev/null
		fi
	done
	sed -i -E "s/advert [0-9]+ms/advert ${ADVERT}ms/" "$LAB/pair.conf"
	for node in 1 2; do
		node_start "$node"
		ka_start "$node" "$ADVERT"
	done
}

main() {
	mkdir -p "$OUT"
	: >"$RAW"
	lab_wires
	ka_wires
	lab_members
	lab_config
	((N == 0)) || for ADVERT in 100 10; do
		pace "$ADVERT"
		round "$N"
	done
	((SLOW == 0)) || { pace 1000 && round "$SLOW"; }
	if ((BUSY > 0)); then
		busy 100 ''
		busy 100 1
		busy 10 ''
		busy 10 1
	fi
	cp "$RAW" "$OUT/failover.raw"
	"$LAB_TOP/tests/bench/failover.py" "$RAW" "$OUT" $(($(ms) - BEGUN))
}

main
