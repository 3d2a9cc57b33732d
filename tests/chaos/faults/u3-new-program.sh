# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# lbd is started anew on both nodes and puts a program it has just loaded in the place of the one that
# carries: with the tables as they are, and with tables of another size, to which all is moved.
id=U3
title="the data plane's program is replaced in place, twice, the second time with other tables"
touches="all"
hold_ms=500
dark_ms=5 connect_ms=100
stays=1
heal_s=30

program() { ip -n "lb$1" -j -d link show eth0 | "$LAB_TOP/tests/lib/field.py" 0.xdp.prog.id; }
lbd_anew() {
	local before
	before=$(program "$1")
	signal -TERM "lb$1-lbd"
	wait_for 10 "lbd of lb$1 to leave" gone "lb$1-lbd"
	daemon_start "$1" lbd
	await_daemon "$1" lbd
	LAB_POLL=0.05 wait_for 30 "lbd of lb$1 to count" has_room_for "$1" '[0-9]*'
	[[ $before == [0-9]* && $(program "$1") == [0-9]* && $(program "$1") != "$before" ]] ||
		fail "program ${before:-none} was not replaced: $(program "$1")"
}
# shellcheck disable=SC2053 # a pattern
has_room_for() { [[ $(field "$1" lbd.flows_max) == $2 ]]; }

# tables_of SIZE ACTIVE PEER: both nodes have room for so many flows; the standby first.
tables_of() {
	local node
	for node in "$3" "$2"; do
		lbd_anew "$node"
		has_room_for "$node" "$1" || fail "lb$node has room for $(field "$node" lbd.flows_max) flows"
		LAB_POLL=0.1 wait_for 30 "both nodes in sync" settled
	done
}
# What was pushed decides, and a size cannot be pushed: lbd reads another file, of a store of its own.
with_other_tables() {
	sed 's/flows 20000; pins 20000/flows 30000; pins 30000/' "$LAB/pair.conf" >"$LAB/new.conf"
	mkdir -p "$LAB/new-state"
	cat >"$LAB/lbd-of-30000" <<-END
		#!/bin/sh
		exec "$LAB_BUILD/lbd" "\$@" --config "$LAB/new.conf" --state-dir "$LAB/new-state"
	END
	chmod +x "$LAB/lbd-of-30000"
	LAB_PROGRAM[lbd]=$LAB/lbd-of-30000
}

inject() {
	tables_of 20000 "$1" "$2"
	with_other_tables
	tables_of 30000 "$1" "$2"
}
heal() { tables_of 20000 "$1" "$2"; }
