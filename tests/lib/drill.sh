# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Drills: what can happen to a pair, and a witness on the switch that says who owned its addresses.
#
# A drill is a shell function that gets the active node and its peer.  Around it drill() keeps the
# witness and a prober running and judges: never two owners, dark no longer than allowed.

. "${BASH_SOURCE[0]%/*}/pair.sh"

other() { echo $((3 - $1)); }
active() { if has_role 1 active; then echo 1; else echo 2; fi; }
settled() { pair_is 1 2 || pair_is 2 1; }
await_settled() { LAB_POLL=0.05 wait_for 20 "one active node and one in sync" settled; }
await_role() { LAB_POLL=0.02 wait_for 10 "lb$1 to be $2" has_role "$1" "$2"; }
us() { printf '%s' "${EPOCHREALTIME/[.,]/}"; } # wall clock, as the witness has it

# --- the witness ------------------------------------------------------------------------------

judge() { local verb=$1; shift; "$LAB_TOP/tests/lib/judge.py" "$verb" "$LAB/log/witness.out" "$@"; }

# Asks for the VIPs, the inside gateways and the virtual router.
witness_start() {
	local asked=(br-out "$LAB_VIP" br-in "$LAB_GATEWAY")
	[[ -z $LAB_V6 ]] || asked+=(br-out "$LAB_ROUTER6")
	[[ -z $LAB_V6 || $LAB_VIP == "$LAB_VIP6" ]] ||
		asked+=(br-out "$LAB_VIP6" br-in "$LAB_GATEWAY6")
	spawn witness switch "$LAB_BUILD/tests/witness" "${WITNESS_MS:-2}" "${asked[@]}"
	wait_for 5 "the witness to hear an answer" witness_hears
}
# Its output is buffered; the first answers fill that soon.
witness_hears() { grep -q answer "$LAB/log/witness.out"; }
witness_stop() {
	signal -TERM witness
	wait_for 5 "the witness to end" gone witness
	[[ ! -s $LAB/log/witness.log ]] || fail "$(cat "$LAB/log/witness.log")"
}

# --- cut wires --------------------------------------------------------------------------------
# None of these takes a carrier away, unless it says so.

bridge_rules() {
	on switch nft -f - <<-END || fail "nft refuses"
		table bridge drill
		delete table bridge drill
		table bridge drill {
		    chain forward { type filter hook forward priority 0; $1 }
		    chain in { type filter hook prerouting priority -300; $2 }
		    chain out { type filter hook postrouting priority 0; $3 }
		}
	END
}
# lan_way FROM TO: nothing of node FROM reaches node TO; clients and members are not concerned.
lan_way() { bridge_rules "iifname lb$1-* oifname lb$2-* drop;"; }
lan_between() { bridge_rules "iifname lb1-* oifname lb2-* drop; iifname lb2-* oifname lb1-* drop;"; }
# lan_mute NODE [INTERFACE]: nobody hears it; lan_deaf NODE: it hears nobody; lan_cut NODE: both.
lan_mute() { silence "$1" "$2" && bridge_rules "" "iifname lb$1-${2:-*} drop;"; }
lan_deaf() { bridge_rules "" "" "oifname lb$1-* drop;"; }
lan_cut() { silence "$1" && bridge_rules "" "iifname lb$1-* drop;" "oifname lb$1-* drop;"; }
lan_heal() {
	local node
	on switch nft delete table bridge drill
	for node in 1 2; do
		on "lb$node" nft delete table netdev drill 2>/dev/null
	done
	return 0
}
# The tap of the witness is before the rules of the bridge: what nobody gets must not reach the port.
silence() {
	local interface
	for interface in ${2:-eth0 eth1}; do
		echo "table netdev drill { chain $interface {" \
			"type filter hook egress device $interface priority 0; policy drop; }; }"
	done | on "lb$1" nft -f - || fail "nft refuses"
}

# The cable between the nodes.  channel_cut [FROM]: both ways, or what FROM sends.
channel_cut() {
	local node
	for node in ${1:-1 2}; do
		on "lb$node" nft -f - <<-END || fail "nft refuses"
			table inet drill {
			    chain out { type filter hook output priority 0; oifname eth2 drop; }
			}
		END
	done
}
channel_heal() {
	local node
	for node in ${1:-1 2}; do
		on "lb$node" nft delete table inet drill
	done
}
channel_is_down() { [[ $(field "$1" sync.channel_up) == false ]]; }

# --- load -------------------------------------------------------------------------------------

# load_start: both processors busy with loops, forks and pipes.  They give way to the niceness of
# ordinary work, so that the machine stays usable.
load_start() {
	local i
	for i in 1 2 3 4; do
		spawn "load-$i" client nice -n 5 sh -c 'while :; do :; done'
	done
	for i in 5 6; do
		spawn "load-$i" client nice -n 5 sh -c 'while :; do /bin/true; done'
	done
	for i in 7 8; do
		spawn "load-$i" client nice -n 5 sh -c 'yes | tr y n | cat >/dev/null'
	done
}
load_stop() {
	local i
	for i in 1 2 3 4 5 6 7 8; do
		pkill -KILL -P "$(pid_of "load-$i")"
		signal -KILL "load-$i"
	done
}

# --- a drill ----------------------------------------------------------------------------------

# TCP waits longer and longer for a path that is dark: one drill must not count for the next.
sessions_calm() {
	local waiting
	[[ -s $LAB/log/load.out ]] || return 0
	waiting=$(grep '"event":"count"' "$LAB/log/load.out" | tail -n 1 |
		"$LAB_TOP/tests/lib/field.py" waiting_ms)
	((${waiting%.*} < 500))
}

# drill NAME DARK-MS [TWO-MS]: runs drill_NAME ACTIVE PEER and judges.  DARK-MS `any`: dark by its
# nature.  TWO-MS: two owners until the drill sets `healed`, and for so long after that at most.
drill() {
	local name=$1 limit=$2 node dark two
	healed=0
	moved='' staying=''
	await_settled
	LAB_POLL=0.1 wait_for 10 "all sessions to be answered again" sessions_calm
	node=$(active)
	on client ping -q -c 1 -W 1 "$LAB_VIP" >/dev/null
	witness_start
	spawn machine switch "$LAB_BUILD/tests/standstill"
	spawn blackout client "$LAB_BUILD/tests/blackout" ping "$LAB_VIP"
	work 200
	"drill_$name" "$node" "$(other "$node")"
	await_settled
	[[ -z $staying ]] || has_role "$staying" active || moved=$staying
	work 300
	signal -TERM blackout
	signal -TERM machine
	wait_for 5 "the prober to end" gone blackout
	wait_for 5 "the sentries of the processors to end" gone machine
	witness_stop
	cp "$LAB/log/witness.out" "$LAB/log/witness-$name.out"
	dark=$("$LAB_TOP/tests/lib/field.py" dark_ms lost <"$LAB/log/blackout.out")
	two=$(judge two "$healed")
	printf '%-20s lb%s active; dark %6s ms, %4s probes lost; two owners%s %s ms\n' "$name" \
		"$node" "${dark% *}" "${dark#* }" "${3:+ when healed}" "$two"
	judge owners >"$LAB/log/owners-$name"
	((${two%.*} <= ${3:-0})) && [[ $two == 0.0 || -n $3 ]] ||
		{ cat "$LAB/log/owners-$name"; drill_wrong "$name: two owners"; }
	drill_moved "$name"
	[[ $limit == any ]] || ((${dark%%.*} <= limit)) ||
		drill_wrong "$name: dark for ${dark% *} ms, over $limit ms"
}

# stays NODE: it must be active still when all is settled.
stays() { staying=$1; }
# A machine that stood still for three adverts, the real-time daemons with it, is no fault of theirs.
drill_moved() {
	local stood
	[[ -n $moved ]] || return
	stood=$(grep '"event":"total"' "$LAB/log/machine.out" | "$LAB_TOP/tests/lib/field.py" longest_ms)
	stood=${stood%.*} # nothing, where nobody may have such a priority
	if ((${stood:-0} < 250)); then
		drill_wrong "$1: the role moved from lb$moved"
	else
		say "$1: a processor stood still for $stood ms, so the role moved from lb$moved"
	fi
}

# Something that is wrong ends the test when all drills are done.
drill_wrong() { say "WRONG: $*"; drill_failed=1; }

# drill_end: fails when a drill has.
drill_end() { [[ -z $drill_failed ]] || fail "a drill has failed"; }
