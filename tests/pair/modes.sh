#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Real TCP in every mode (nat, nat with a source by itself, dsr, snat), in both families, by native
# XDP, generic XDP and tc: a file over TLS each way, and its checksum; RPC sessions meanwhile.  tc gets
# what a sender on the same machine sends: large frames with partial checksums, which are completed
# behind the node and verified at the other end.
#
# SIZE=1073741824 is the full size (make modes-full); HOOKS, MODES and FAMILIES pick cells, DONE=FILE
# keeps what is done and begins behind it.

LAB_V6=1 LAB_SAMBA=samba
. "${0%/*}/../lib/pair.sh"
. "${0%/*}/../lib/modes.sh"
modes_need
lab_enter "$@"

SIZE=${SIZE:-16777216} HOOKS=${HOOKS:-native generic tc} MODES=${MODES:-nat auto dsr snat}
FAMILIES=${FAMILIES:-4 6} DONE=${DONE:-$LAB/done}
LIMIT=$((20 + SIZE / 2000000)) # seconds for a file: 2 MB/s, on whatever else the machine does
cells=0

hook_words() {
	case $1 in
	native | generic) echo "hook xdp; xdp $1" ;;
	tc) echo "hook tc; xdp auto" ;;
	esac
}

# nodes_complete on|off: whether nodes get frames as their senders made them, to be cut up and summed
# behind them; or as they come from a wire.
nodes_complete() {
	local port
	for port in lb1-eth0 lb1-eth1 lb2-eth0 lb2-eth1; do
		on switch ethtool -K "$port" tx "$1" >/dev/null 2>&1
	done
}
# Frames that came to the nodes.
frames() {
	local node device
	for node in lb1 lb2; do
		for device in eth0 eth1; do
			ip -n "$node" -s link show "$device" | awk '/RX:/ { getline; print $2 }'
		done
	done | awk '{ sum += $1 } END { print sum }'
}

# From nothing, as after an upgrade that changes the hook.
hook_use() {
	nodes_complete "$([[ $1 == tc ]] && echo on || echo off)"
	sed -i "s/hook [a-z]*; xdp [a-z]*/$(hook_words "$1")/" "$LAB/pair.conf"
	pair_begin
	case $1 in
	tc) hook_is tc ;;
	*) hook_is "$1 XDP" ;;
	esac
}
hook_leave() {
	node_stop 2
	node_stop 1
	rm -rf "$LAB"/bpf/lb[12]
}

space_of() { [[ $1 == auto ]] && echo beside || echo client; }
rpc_open() { grep -q '"event": "open"' "$LAB/log/rpc-$1.out" || gone "rpc-$1"; }

# rpc_start MODE: one session, which calls and connects anew all the time.
rpc_start() {
	local first=$LAB_CLIENTS
	[[ $1 != auto ]] || first=$MODES_BESIDE
	spawn "rpc-$1" "$(space_of "$1")" "$LAB_TOP/tests/lib/samr.py" "${MODES_VIP[$1]}" "$first" 1 1
}
rpc_stop() {
	signal -TERM "rpc-$1"
	wait_for 15 "RPC client in mode $1 to end" gone "rpc-$1"
	grep -q '"lost": false, "moved": false, "calls": [1-9]' "$LAB/log/rpc-$1.out" || {
		tail -n 3 "$LAB/log/rpc-$1.out"
		fail "$1: the RPC session was lost or moved, or made no call"
	}
}

# seen MEMBER: whom it sees at its end of RPC sessions, and as what.
seen() {
	on "$1" ss -Htn state established "( sport >= :6005 and sport <= :59530 )" |
		awk '{ sub(/:[0-9]*$/, "", $3); sub(/:[0-9]*$/, "", $4); print $3 ">" $4 }' | sort -u | xargs
}
# Whether packets go as the modes say; there may be a connection in its last moments.
seen_as_they_should() {
	local m1 m2 m3
	m1=$(seen m1) m2=$(seen m2) m3=$(seen m3)
	say "members see: m1 $m1, m2 $m2, m3 $m3"
	[[ $m1 == "10.30.0.21>$LAB_CLIENTS 10.30.0.21>$LAB_GATEWAY" ]] || fail "m1 sees others"
	[[ $m2 == "${MODES_VIP[dsr]}>$LAB_CLIENTS" ]] || fail "m2 sees others"
	[[ $m3 == "10.30.0.23>10.30.0.200" ]] || fail "m3 sees others"
}

# hook_is WORDS: on both nodes, and both interfaces.
hook_is() {
	local node
	for node in 1 2; do
		[[ $(field "$node" lbd.interface.0.hook) == "$1" &&
			$(field "$node" lbd.interface.1.hook) == "$1" ]] ||
			fail "lb$node: not $1 but $(field "$node" lbd.interface.0.hook lbd.interface.1.hook)"
	done
}

# cell HOOK MODE FAMILY
cell() {
	local space address=${MODES_VIP[$2]} begun=$EPOCHREALTIME took came
	space=$(space_of "$2")
	[[ $3 == 4 ]] || address=${MODES_VIP6[$2]}
	web_get "$space" "$address" --max-time "$LIMIT" || fail "$*: the file did not come"
	came=$(frames)
	web_put "$space" "$address" "${MODES_MEMBER[$2]}" --max-time "$LIMIT" ||
		fail "$*: the file did not arrive"
	came=$(($(frames) - came))
	[[ $1 != tc ]] || ((came < SIZE / 1500)) ||
		fail "$*: $came frames for $SIZE bytes: none was large, so no checksum was partial"
	took=$(awk "BEGIN { print $EPOCHREALTIME - $begun }")
	say "$(printf '%-7s %-4s IPv%s: %d bytes each way, %.1f s' "$@" "$SIZE" "$took")"
	echo "$*" >>"$DONE"
	cells=$((cells + 1))
}

modes_wires
web_files "$SIZE"
samba_start m1 10.30.0.21 6101-6199
samba_start m2 "${MODES_VIP[dsr]}/32 10.30.0.22" 49200-49299
samba_start m3 10.30.0.23 59001-59099
for member in "${LAB_MEMBERS[@]}"; do
	web_serve "$member"
	wait_for 30 "Samba on $member" test -s "$LAB/log/samba-$member.out"
done
modes_config
touch "$DONE"
for hook in $HOOKS; do
	hook_use "$hook"
	for mode in $MODES; do
		rpc_start "$mode"
	done
	for mode in $MODES; do
		wait_for 40 "an RPC session in mode $mode" rpc_open "$mode"
	done
	[[ $MODES != "nat auto dsr snat" ]] || seen_as_they_should
	for mode in $MODES; do
		for family in $FAMILIES; do
			grep -qx "$hook $mode $family" "$DONE" || cell "$hook" "$mode" "$family"
		done
	done
	for mode in $MODES; do
		rpc_stop "$mode"
	done
	hook_leave
done
rm -f "$DONE"
say "$cells cells: a file over TLS each way in each, RPC sessions throughout; none failed"
