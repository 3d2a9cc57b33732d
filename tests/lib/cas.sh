# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Members that are stand-ins for a CAS (tests/casmock); sourced after lab.sh.

# cas_start MEMBER [mapi=PORTS] [book=PORTS]
cas_start() {
	spawn "cas-$1" "$1" "$LAB_BUILD/tests/casmock" "$1" "$LAB/cas-$1" "${@:2}"
	wait_for 10 "the services of $1" cas_is "$1" book well
}

# cas_now MEMBER SERVICE: "59531 well"
cas_now() { awk -v name="$2" '$1 == name { now = $2 " " $3 } END { print now }' "$LAB/log/cas-$1.out"; }
cas_is() { [[ $(cas_now "$1" "$2") == *" $3" ]]; }
cas_port() { cas_now "$1" "$2" | cut -d " " -f 1; }

# cas_fail MEMBER SERVICE FAULT: until "well".
cas_fail() {
	pp echo "$2 $3" >"$LAB/cas-$1"
	wait_for 10 "$2 of $1 to be $3" cas_is "$1" "$2" "$3"
}

# cas_move MEMBER SERVICE PORTS: it begins anew at one of these.
cas_move() {
	local lines
	lines=$(wc -l <"$LAB/log/cas-$1.out")
	pp echo "$2 port $3" >"$LAB/cas-$1"
	wait_for 10 "$2 of $1 to move" cas_said "$1" "$((lines + 1))"
	cas_is "$1" "$2" well || fail "$2 of $1 has not moved: $(tail -1 "$LAB/log/cas-$1.out")"
}
cas_said() { (($(wc -l <"$LAB/log/cas-$1.out") >= $2)); }
