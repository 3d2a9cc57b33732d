# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The pair in its lab: keys, configuration, daemons, and what can happen to a node.
#
# LAB_PLAIN=1 denies vrrpd real-time scheduling; LAB_ADVERT sets the interval; LAB_UNICAST=1 has the
# adverts go to the peer alone, with LAB_V6 in both families; LAB_TTL is the least of theirs.
# LAB_PATHS=2 gives the channel a second path, over the LAN; LAB_PEER_TIMEOUT is that of the channel.
# LAB_HOOK=tc or auto runs it there, LAB_XDP=generic in that mode; LAB_HOLD sets hold-after-boot;
# LAB_WITNESS names witnesses; LAB_SAMBA=samba gives the members RPC servers.
# LAB_IDLE is the idle-timeout of services chat and bulk.
# LAB_DATES is libfaketime, for daemons whose date a test sets.

. "${BASH_SOURCE[0]%/*}/lab.sh"

pairctl() { local node=$1; shift; "$LAB_BUILD/pairctl" --run-dir "$LAB/lb$node/run" "$@"; }

lab_key() {
	mkdir -p "$LAB/lb$1"/{run,state}
	"$LAB_BUILD/pairctl" keygen "lb$1" --key "$LAB/lb$1/node.key" 2>>"$LAB/log/keygen.log" |
		sed -n 's/^ *public-key *//p'
}

# lab_config [FLOWS]: keys and the one file for both nodes.
lab_config() {
	local key1 key2 rpc=7000 ours6=${LAB_UNICAST:+${LAB_V6:+2001:db8:20::1}}
	[[ -z $LAB_SAMBA ]] || rpc=135
	key1=$(lab_key 1) && key2=$(lab_key 2) && [[ -n $key1 && -n $key2 ]] || fail "keygen failed"
	cat >"$LAB/pair.conf" <<-END
		format 1
		pair lab
		node lb1 {
		    address 10.20.0.11${ours6:+, ${ours6}1}; sync 192.168.77.1${LAB_PATHS:+, 10.20.0.11}; priority 254
		    public-key $key1
		}
		node lb2 {
		    address 10.20.0.12${ours6:+, ${ours6}2}; sync 192.168.77.2${LAB_PATHS:+, 10.20.0.12}; priority 253
		    public-key $key2
		}
		vrrp {
		    interface eth0; track-interface eth1; vrid 51
		    advert ${LAB_ADVERT:-100ms}; hold-after-boot ${LAB_HOLD:-1s}
		    ${LAB_WITNESS:+witness $LAB_WITNESS}
		    ${LAB_UNICAST:+unicast yes}
		    ${LAB_TTL:+unicast-ttl-min $LAB_TTL}
		}
		sync { port 7790; path eth2${LAB_PATHS:+, eth0}; peer-timeout ${LAB_PEER_TIMEOUT:-1s} }
		forwarding {
		    interface eth0, eth1; hook ${LAB_HOOK:-xdp}; xdp ${LAB_XDP:-auto}
		    flows ${1:-20000}; pins 20000
		}
		array lab {
		    vip $LAB_VIP${LAB_V6:+, $LAB_VIP6}
		    gateway $LAB_GATEWAY${LAB_V6:+, $LAB_GATEWAY6}
		    service rpc-epm {
		        ports 135; affinity-group rpc; affinity-timeout 2h; idle-timeout 24h
		        check tcp { port $rpc; interval 500ms; timeout 400ms }
		    }
		    service rpc-dynamic {
		        ports 6005-6999, 7002-59530; affinity-group rpc; follow rpc-epm; idle-timeout 24h
		    }
		    service chat {
		        ports 7000; affinity-group chat; affinity-timeout 1h; idle-timeout ${LAB_IDLE:-24h}
		        check tcp { interval 500ms; timeout 400ms }
		    }
		    service bulk {
		        ports 7001; affinity-group chat; follow chat; idle-timeout ${LAB_IDLE:-24h}
		    }
		    member m1 { address 10.30.0.21${LAB_V6:+, 2001:db8:30::21} }
		    member m2 { address 10.30.0.22${LAB_V6:+, 2001:db8:30::22} }
		    member m3 { address 10.30.0.23${LAB_V6:+, 2001:db8:30::23} }
		}
	END
	"$LAB_BUILD/pairctl" check "$LAB/pair.conf" >"$LAB/log/check.log" 2>&1 ||
		{ cat "$LAB/log/check.log"; fail "the lab's own configuration has faults"; }
}

# lab_sign: both nodes may sign what is pushed on them.
lab_sign() {
	local node key
	for node in 1 2; do
		key=$("$LAB_BUILD/pairctl" keygen --show --key "$LAB/lb$node/node.key" | sed -n 's/^ *signing-key *//p')
		[[ -n $key ]] || fail "no signing key"
		sed -i "/^node lb$node {/a\    signing-key $key" "$LAB/pair.conf"
	done
}

# dated NODE: what makes a daemon read the date, and no other clock, as $LAB/date-NODE says.
dated() {
	echo env "LD_PRELOAD=$LAB_DATES" "FAKETIME_TIMESTAMP_FILE=$LAB/date-$1" FAKETIME_NO_CACHE=1 \
		FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1
}

declare -A LAB_PROGRAM # what a test has run in a daemon's place

# program_of NODE DAEMON: of the release that the node has, tests/lib/release.sh.
program_of() {
	local release=$LAB/lb$1/release/$2
	[[ -x $release ]] || release=$LAB_BUILD/$2
	echo "${LAB_PROGRAM[$2]:-$release}"
}

# daemon_start NODE DAEMON: with the node's own configuration when the test made one.
daemon_start() {
	local dir=$LAB/lb$1
	local before='' conf=$LAB/pair.conf
	[[ ! -e $dir/pair.conf ]] || conf=$dir/pair.conf
	stale_socket[$1-$2]=$(socket_made "$1" "$2")
	[[ $2 != vrrpd || -z $LAB_PLAIN ]] || before="setpriv --bounding-set=-sys_nice"
	[[ $2 != syncd ]] || before="nice -n -10" # as its unit says
	[[ -z $LAB_DATES ]] || before+=" $(dated "$1")"
	# shellcheck disable=SC2086 # a command and its option
	spawn "lb$1-$2" "lb$1" $before "$(program_of "$1" "$2")" --config "$conf" --node "lb$1" \
		--run-dir "$dir/run" --state-dir "$dir/state" --bpf-dir "$LAB/bpf/lb$1" \
		--key "$dir/node.key"
}

# The socket of a predecessor that was killed may lie there still: it is this one's when it is another.
declare -A stale_socket
socket_made() { stat -c %i-%z "$LAB/lb$1/run/$2.sock" 2>/dev/null || true; }
daemon_ready() {
	[[ -S $LAB/lb$1/run/$2.sock && $(socket_made "$1" "$2") != "${stale_socket[$1-$2]}" ]] &&
		lives "lb$1-$2"
}

await_daemon() {
	local start=$SECONDS
	until daemon_ready "$1" "$2"; do
		lives "lb$1-$2" || { tail -5 "$LAB/log/lb$1-$2.log" >&2; fail "$2 of lb$1 has ended"; }
		((SECONDS - start <= 15)) || fail "$2 of lb$1 does not get ready"
		sleep 0.02
	done
}

node_start() {
	local daemon
	mkdir -p "$LAB/bpf/lb$1"
	for daemon in lbd syncd vrrpd; do
		daemon_start "$1" "$daemon"
	done
	for daemon in lbd syncd vrrpd; do
		await_daemon "$1" "$daemon"
	done
}

# Its packet sockets close one after the other, each when all processors have come by: on a busy machine
# that takes seconds.
daemon_kill() {
	signal -9 "lb$1-$2"
	wait_for 30 "$2 of lb$1 to end" gone "lb$1-$2"
}

# Orderly: an active node yields first.
node_stop() {
	local daemon
	for daemon in vrrpd syncd lbd; do
		signal -TERM "lb$1-$daemon"
		wait_for 10 "$daemon of lb$1 to leave" gone "lb$1-$daemon"
	done
}

# As when the power goes: all its links at once, all its processes, and what it knew.
node_power_off() {
	local pids
	pids=$(ip netns pids "lb$1")
	# Nobody may live to see a link go down and tell the peer.
	# shellcheck disable=SC2086 # a list of PIDs, all inside this node's namespace
	kill -STOP $pids 2>/dev/null
	printf 'link set lb%s-%s down\n' "$1" eth0 "$1" eth1 | ip -n switch -batch - &
	ip -n "lb$1" link set eth2 down
	# shellcheck disable=SC2086
	kill -9 $pids 2>/dev/null
	wait $!
}

# It comes back as a machine that has booted: no pins, no addresses but its own, empty run directory.
node_power_on() {
	local n=$1
	rm -rf "$LAB/bpf/lb$n" "$LAB/lb$n/run"
	mkdir -p "$LAB/lb$n/run"
	pp ip -n "lb$n" addr flush dev eth0
	pp ip -n "lb$n" addr flush dev eth1
	pp ip -n "lb$n" addr add "10.20.0.1$n/24" dev eth0
	pp ip -n "lb$n" addr add "10.30.0.1$n/24" dev eth1
	[[ -z $LAB_V6 ]] || lab_wire_node_v6 "$n"
	pp ip -n "lb$n" link set eth2 up
	printf 'link set lb%s-%s up\n' "$n" eth0 "$n" eth1 | ip -n switch -batch -
	node_start "$n"
}

# field NODE PATH...: values of `pairctl -j status`, such as vrrp.role; empty when unknown.
# served NODE SERVICE FIELD: what both nodes have counted of it, as one of them says.
served() {
	pairctl "$1" -j services 2>/dev/null | python3 -c '
import json, sys
print(sum(int(use["pair"][sys.argv[2]]) for use in json.load(sys.stdin)["services"]
          if use["service"] == sys.argv[1]))' "$2" "$3" 2>/dev/null
}
field() {
	local node=$1
	shift
	pairctl "$node" -j status 2>/dev/null | "$LAB_TOP/tests/lib/field.py" "$@"
}
# counter NODE NAME: of lbd's.
counter() {
	field "$1" lbd.counter | grep -o "'name': '$2', 'value': [0-9]*" | grep -o "[0-9]*$"
}
has_role() { [[ $(field "$1" vrrp.role) == "$2" ]]; }
in_sync() { [[ $(field "$1" sync.state) == in-sync ]]; }
# What is derived is derived by the members of now.
bases_followed() { [[ $(field "$1" lbd.switching) == 0 ]]; }
is_standby() { [[ $(field "$1" vrrp.role sync.state) == "standby in-sync" ]]; }
# pair_up ACTIVE STANDBY: roles are settled and the standby holds everything.
pair_is() { has_role "$1" active && is_standby "$2"; }
pair_up() { LAB_POLL=0.1 wait_for 20 "lb$1 active, lb$2 standby and in sync" pair_is "$1" "$2"; }

# pair_start [FLOWS]: everything from nothing to a pair that is in sync, lb1 active.
pair_start() {
	lab_wires
	lab_members "$LAB_SAMBA"
	lab_config "$@"
	pair_begin
}
# The same in a lab that is there.
pair_begin() {
	node_start 1
	LAB_POLL=0.1 wait_for 20 "lb1 active" has_role 1 active
	node_start 2
	pair_up 1 2
}

# --- sessions ---------------------------------------------------------------------------------

# chat_start NAME PORT SESSIONS FIRST-SOURCE SOURCES: chatty TCP sessions, all open on return.
chat_start() {
	spawn "$1" client "$LAB_BUILD/tests/chat" hold "$LAB_VIP" "$2" "$3" "$4" "$5" 75 5000
	wait_for 10 "$1: $3 sessions to open" chat_open "$1" "$3"
	signal -USR1 "$1"
}
chat_open() { grep -q "\"open\":$2," "$LAB/log/$1.out" || gone "$1"; }

# chat_stop NAME: ends them and fails when one was lost, moved or answered out of order.
chat_stop() {
	signal -TERM "$1"
	wait_for 15 "$1 to end" gone "$1"
	chat_total "$1" lost moved open | grep -q '^0 0 [1-9]' || {
		grep -E '"(lost|moved|total)"' "$LAB/log/$1.out" | head -20
		fail "$1: sessions were lost or moved"
	}
}

# chat_total NAME FIELD...: figures of the end.
chat_total() {
	local name=$1
	shift
	grep '"event":"total"' "$LAB/log/$name.out" | "$LAB_TOP/tests/lib/field.py" "$@"
}

# probe_meets_nodes: a new connection of a host on the same wire, which the follower has never heard
# of, would wait for ARP in the instant of a failover; not so behind a router.
probe_meets_nodes() {
	on client ping -q -c 1 -I 10.20.0.163 10.20.0.11 >/dev/null
	on client ping -q -c 1 -I 10.20.0.163 10.20.0.12 >/dev/null
}

# clients_known NODE COUNT: the node knows the way to so many of the clients of chat_start.
clients_known() {
	(($(ip -n "lb$1" neigh show dev eth0 | grep -cE '^10\.20\.0\.1[2-5][0-9] lladdr') == $2))
}

# probe_start: new connections every 10 ms, to see how long the path is dark.
probe_start() {
	spawn probe client "$LAB_BUILD/tests/probe" "$LAB_VIP" 7000 10.20.0.163 10
	work 100
	signal -USR1 probe
}

# probe_stop: ends it and prints the longest time in ms without a connection that came to be.
probe_stop() {
	signal -TERM probe
	wait_for 5 "probe to end" gone probe
	chat_total probe longest_gap_ms
}

# Segments that got lost between the client and the members: what their TCPs sent again, less what
# the far end says it had already.  (A sender repeats its last segment after some 10 ms of silence,
# which on a busy machine is no sign of a loss.)
retransmits() {
	local space total=0 count
	for space in client "${LAB_MEMBERS[@]}"; do
		count=$(nsenter --net="/run/netns/$space" cat /proc/net/snmp /proc/net/netstat | awk '
			$1 == name { for (i = 2; i <= NF; i++) value[label[i]] = $i; name = ""; next }
			{ name = $1; for (i = 2; i <= NF; i++) label[i] = $i }
			END { print value["RetransSegs"] - value["TCPDSACKRecv"] }')
		total=$((total + count))
	done
	echo "$total"
}

# The same by kind of repetition, for a test that fails.
retransmits_by_kind() {
	local space
	for space in client "${LAB_MEMBERS[@]}"; do
		nsenter --net="/run/netns/$space" cat /proc/net/snmp /proc/net/netstat | awk -v at="$space" '
			$1 == name { for (i = 2; i <= NF; i++) value[label[i]] = $i; name = ""; next }
			{ name = $1; for (i = 2; i <= NF; i++) label[i] = $i }
			END {
				for (kind in value)
					if (value[kind] > 0 && kind ~ /Retrans|DSACK|Timeouts|LossProbe/)
						line = line " " kind " " value[kind]
				print at ":" line
			}'
	done
}

# --- what the logs of syncd must not say meanwhile -------------------------------------------------

syncd_lines=() snapshots=

# sync_mark: where both logs end now.
sync_mark() {
	local node
	for node in 1 2; do
		syncd_lines[node]=$(wc -l <"$LAB/log/lb$node-syncd.log")
	done
	snapshots=$(field 1 sync.snapshots)
}

# sync_undisturbed WHAT: since then neither node has lost the channel, and no snapshot was made.
# Late for more than a peer-timeout, with what takes milliseconds, is the machine: told, not judged.
sync_undisturbed() {
	local node
	for node in 1 2; do
		tail -n +$((syncd_lines[node] + 1)) "$LAB/log/lb$node-syncd.log" >"$LAB/log/since"
		if grep -E 'is down|STALE|LOADING|DEGRADED' "$LAB/log/since"; then
			fail "lb$node lost the channel: $1"
		fi
		if grep -E 'replication: (LAGGING|ALONE|CATCHING_UP)' "$LAB/log/since"; then
			say "lb$node was late: $1"
		fi
	done
	[[ $(field 1 sync.snapshots) == "$snapshots" ]] || fail "a snapshot was made: $1"
	LAB_POLL=0.1 wait_for 10 "lb2 in sync: $1" is_standby 2
}

# --- a mode's sessions -------------------------------------------------------------------------------

knows_flows() { (($(field "$1" lbd.flows) >= $2)); }

# sessions_outlive_both: a planned failover to lb2 and then its death, with new sessions after each.
# They are open when it returns: first, second and third.
sessions_outlive_both() {
	chat_start first 7000 60 10.20.0.120 30
	wait_for 20 "lb2 to know 60 sessions" knows_flows 2 60
	pairctl 1 failover >"$LAB/log/failover.log" 2>&1 ||
		fail "failover: $(cat "$LAB/log/failover.log")"
	pair_up 2 1
	chat_start second 7000 60 10.20.0.120 30
	wait_for 20 "lb1 to know 120 sessions" knows_flows 1 120
	node_power_off 2
	wait_for 20 "lb1 active" has_role 1 active
	chat_start third 7000 60 10.20.0.120 30
	work 1000
}
sessions_stop() {
	local name
	for name in first second third; do
		chat_stop "$name"
	done
}

# --- judgement -----------------------------------------------------------------------------------

# tables LEFT RIGHT: compares the tables of these nodes, as pinned; the figures are in $LAB/tables.
tables() {
	"$LAB_BUILD/tests/tables" compare "$LAB/bpf/lb$1" "$LAB/bpf/lb$2" >"$LAB/tables" \
		2>"$LAB/log/tables.log"
}
told() { "$LAB_TOP/tests/lib/field.py" "$@" <"$LAB/tables"; }

# Something may end or begin between the reading of the one and of the other.
tables_equal() {
	tables "$1" "$2" || { sleep 0.3 && tables "$1" "$2"; } || { sleep 0.5 && tables "$1" "$2"; }
}

states() { field 1 vrrp.role sync.state; field 2 vrrp.role sync.state; }
both_say_in_sync() { in_sync 1 && in_sync 2; }
neither_says_in_sync() { ! in_sync 1 && ! in_sync 2; }

# holds_all WHAT: the fault has ended, and so has the load.  Two seconds later all flows and pins of
# either node are on the other, or both say that they need not be.  What one has just begun to say
# while the tables were read, the other says a heartbeat later.
holds_all() {
	local then=$(($(ms) + 2000)) looks
	while (($(ms) < then)) && ! both_say_in_sync; do
		sleep 0.1
	done
	work $((then > $(ms) ? then - $(ms) : 0))
	for looks in 1 2 3; do
		if tables_equal 1 2; then
			say "  after 2 s: equal, $(told flows.left) flows and $(told pins.left) pins on both"
			return 0
		fi
		if neither_says_in_sync; then
			say "  after 2 s: $(states | tr '\n' ',')"
			return 0
		fi
	done
	say "  after 2 s, $1: $(states | tr '\n' ',')"
	cat "$LAB/tables" "$LAB/log/tables.log"
	return 1
}
