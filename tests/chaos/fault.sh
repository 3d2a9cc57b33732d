# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A fault's script, and its life: injected, held, healed.  README.md has the interface.

CHAOS=$LAB_TOP/tests/chaos

# --- scripts ----------------------------------------------------------------------------------

fault_file() {
	local file
	for file in "$CHAOS/faults/${1,,}-"*.sh; do
		[[ -e $file ]] && echo "$file"
		return
	done
}

# fault_ids [quick]: processes and nodes, network, sync, configuration, resources,
# upgrades, members, traffic.
fault_ids() {
	local letter file id
	for letter in p n s c r u b t m; do
		for file in "$CHAOS/faults/$letter"*.sh; do
			[[ -z $1 ]] || grep -q '\bquick_ms=' "$file" || continue
			id=${file##*/}
			id=${id%%-*}
			echo "${id^^}"
		done | sort -V
	done
}

# fault_load ID: its declarations and functions, over what holds where it says nothing.
fault_load() {
	id='' title='' touches='' cuts='' first='' alarm='' stays='' moves=any member=''
	hold_ms=1000 quick_ms=''
	lost=0 dark_ms=20 connect_ms=any two_ms=0 two_healed_ms='' heal_s=15 alarm_s=3
	prepare() { :; }
	effect() { :; }
	heal() { :; }
	check() { :; }
	# shellcheck disable=SC1090
	. "$(fault_file "$1")"
	[[ -z $QUICK ]] || hold_ms=${quick_ms:-$hold_ms}
}

# fault_table: what the schedule must know, a line a fault.
fault_table() {
	local name
	for name in $(fault_ids); do
		(fault_load "$name" && echo "$id $hold_ms ${touches:--}")
	done
}

# --- the history ------------------------------------------------------------------------------

# plain TEXT...: as it may stand in a string of JSON.
plain() {
	local text=$*
	text=${text//[\"\\]/}
	printf '%s' "${text//[[:cntrl:]]/ }"
}

# mark EVENT [MEMBER...]: a line of the history; a member is `"name":value`.
mark() {
	local line member
	line="{\"t\":$(ms),\"event\":\"$1\""
	shift
	for member; do
		line+=",$member"
	done
	printf '%s}\n' "$line" >>"$LAB/log/history.out"
}
mark_fault() { mark "$1" "\"id\":\"$id\"" "${@:2}"; }

# What it declares, for the judge.
mark_declared() {
	mark_fault fault "\"title\":\"$(plain "$title")\"" "\"active\":$1" \
		"\"touches\":\"$touches\"" "\"cuts\":\"$cuts\"" "\"stays\":\"$stays\"" \
		"\"moves\":\"$moves\"" "\"member\":\"$member\"" \
		"\"alarm\":\"$(plain "$alarm")\"" "\"lost\":\"$lost\"" "\"dark_ms\":\"$dark_ms\"" \
		"\"connect_ms\":\"$connect_ms\"" "\"two_ms\":\"$two_ms\"" \
		"\"two_healed_ms\":\"$two_healed_ms\"" "\"heal_s\":\"$heal_s\"" \
		"\"alarm_s\":\"$alarm_s\""
}

# --- its life ---------------------------------------------------------------------------------

# part NAME ACTIVE PEER: one of its functions, in a process of its own: what stops it stops no more.
part() {
	local name=$1 why
	shift
	(RANDOM=$dice && "$name" "$@") >"$LAB/log/fault-$id-$name.log" 2>&1 && return 0
	why=$(tail -n 1 "$LAB/log/fault-$id-$name.log")
	mark_fault broken "\"part\":\"$name\"" "\"why\":\"$(plain "$why")\""
	return 1
}

alarm_told() { pairctl 1 status 2>&1 | grep -qE "$alarm" || pairctl 2 status 2>&1 | grep -qE "$alarm"; }
look_for_alarm() {
	[[ -n $alarm && -z $alarmed ]] || return 0
	! alarm_told || { alarmed=1; mark_fault alarm; }
}

# The fault is there: until its effect and its alarm show, and then for as long as it is held.
stand() {
	local until=$(($(ms) + 10000)) alarmed=''
	until effect "$@"; do
		(($(ms) < until)) || { mark_fault without_effect; break; }
		look_for_alarm
		sleep 0.02
	done
	mark_fault effect
	until=$(($(ms) + held))
	while (($(ms) < until)) || still_silent; do
		look_for_alarm
		sleep 0.05
	done
}
still_silent() { [[ -n $alarm && -z $alarmed ]] && (($(ms) < until + 10000)); }

# fault_live ID DELAY HOLD: all of it; without HOLD as long as it says itself.
fault_live() {
	local node peer held
	fault_load "$1"
	held=${3:-$hold_ms}
	work "$2"
	node=$(active)
	peer=$(other "$node")
	mark_declared "$node"
	mark_fault inject
	part inject "$node" "$peer"
	mark_fault injected
	stand "$node" "$peer"
	mark_fault heal
	part heal "$node" "$peer"
	mark_fault healed
}
