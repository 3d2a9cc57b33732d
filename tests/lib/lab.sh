# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The lab: a client, a switch, the pair and three members, each in a network namespace of its own.
# tests/README.md draws it.  A test sources this file and calls lab_enter "$@" first: it starts the
# test again inside private mount and PID namespaces.  So labs that run side by side never meet,
# nothing outside is touched, and whatever ends the test (also kill -9) ends all of it.
#
# V=1 prints each command; LOGS=1 keeps the logs of a test that passed.

# shellcheck disable=SC2034 # some are used by the tests only
LAB_VIP=10.20.0.10
LAB_GATEWAY=10.30.0.1
LAB_VIP6=2001:db8:20::10 # with LAB_V6=1 both families
LAB_GATEWAY6=2001:db8:30::1
LAB_ROUTER6=fe80::200:5eff:fe00:233 # the virtual router itself, of VRID 51
LAB_CLIENTS=10.20.0.100 # and the 63 after it; used by the tests
LAB_MEMBERS=(m1 m2 m3)
LAB_SPACES=(switch client lb1 lb2 "${LAB_MEMBERS[@]}")
LAB_TOP=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
pp() { [[ -z $V ]] || printf '\e[2m  %s\e[0m\n' "$*" >&2; "$@"; }
ms() { local t=${EPOCHREALTIME/[.,]/}; printf '%s' "${t%???}"; } # wall clock
# Not `ip netns exec`: that hides the BPF file system behind a fresh /sys.
on() { local space=$1; shift; pp nsenter --net="/run/netns/$space" -- "$@"; }

# lab_enter BUILD-DIR...: first line of every test.
lab_enter() {
	if [[ -z $LAB_INSIDE ]]; then
		((UID == 0)) || fail "needs root (namespaces, BPF); run it with sudo"
		LAB_INSIDE=1 exec unshare --mount --pid --fork --kill-child --mount-proc -- "$0" "$@"
	fi
	unset LAB_INSIDE
	[[ -n $1 && -d $1 ]] || fail "usage: ${0##*/} BUILD-DIR"
	LAB_BUILD=$(cd "$1" && pwd)
	LAB_NAME=${0##*/}
	LAB_NAME=${LAB_NAME%.sh}
	trap lab_stop EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	LAB=$(mktemp -d /tmp/caspair-lab-XXXXXX) || exit 1
	mount -t tmpfs -o mode=755 lab "$LAB" && mkdir -p /run/netns "$LAB"/{bpf,log,pid} &&
		mount -t tmpfs -o mode=755 netns /run/netns && mount -t bpf bpf "$LAB/bpf" ||
		fail "cannot mount the lab's file systems"
	lab_names
}

# No resolver answers in here, and Samba waits for one before it serves a host without a name.
lab_names() {
	printf '127.0.0.1 localhost %s\n' "$(uname -n)" >"$LAB/hosts"
	: >"$LAB/resolv.conf"
	mount --bind "$LAB/hosts" /etc/hosts || fail "cannot mount the lab's names"
	[[ ! -e /etc/resolv.conf ]] || mount --bind "$LAB/resolv.conf" /etc/resolv.conf ||
		fail "cannot mount the lab's names"
}

# Everything of the lab ends with PID 1, which is this shell; only the directory outlives it.
lab_stop() {
	local status=$?
	trap - EXIT
	trap '' INT TERM
	[[ -z $LOGS ]] && ((status == 0 || status == 130)) || lab_keep_logs
	lab_kill_all
	umount -l /etc/hosts /etc/resolv.conf "$LAB/bpf" "$LAB" /run/netns 2>/dev/null
	rmdir "$LAB" 2>/dev/null
	exit "$status"
}

lab_keep_logs() {
	local keep=$LAB_BUILD/log/$LAB_NAME
	rm -rf "$keep" && mkdir -p "$keep" && cp -r "$LAB"/log/. "$keep" 2>/dev/null
	cp "$LAB/pair.conf" "$keep" 2>/dev/null
	say "logs of this run: $keep"
}

# All processes of this PID namespace but this shell: they can only be ours.
lab_kill_all() {
	local pid
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/}
		((pid == 1 || pid == BASHPID)) || kill -9 "$pid" 2>/dev/null
	done
}

# wait_for SECONDS WHAT COMMAND...: until it succeeds; the condition is polled, never slept for.
wait_for() {
	local limit=$1 what=$2 start=$SECONDS
	shift 2
	until "$@" >/dev/null 2>&1; do
		((SECONDS - start <= limit)) || fail "waited $limit s in vain: $what"
		sleep "${LAB_POLL:-0.02}"
	done
}

# spawn NAME SPACE COMMAND...: in the background; its PID is in $LAB/pid/NAME.
spawn() {
	local name=$1 space=$2
	shift 2
	[[ -z $V ]] || printf '\e[2m  %s: %s &\e[0m\n' "$space" "$*" >&2
	nsenter --net="/run/netns/$space" -- "$@" >"$LAB/log/$name.out" 2>>"$LAB/log/$name.log" &
	echo $! >"$LAB/pid/$name"
	disown $!
}

pid_of() { cat "$LAB/pid/$1" 2>/dev/null; }
lives() { local pid; pid=$(pid_of "$1") && [[ -n $pid && -d /proc/$pid ]]; }
gone() { ! lives "$1"; }
signal() { local pid; pid=$(pid_of "$2") && [[ -n $pid ]] && pp kill "$1" "$pid" 2>/dev/null; }

# Lets time pass in which the sessions do what they always do.
work() { local until=$(($(ms) + $1)); while (($(ms) < until)); do sleep 0.05; done; }

# --- wires ------------------------------------------------------------------------------------

# mac_of SPACE INTERFACE
mac_of() { ip -n "$1" -j link show "$2" | "$LAB_TOP/tests/lib/field.py" 0.address; }

# cable SPACE INTERFACE SPACE INTERFACE
cable() {
	pp ip -n "$1" link add "$2" type veth peer name "$4" netns "$3" || fail "no veth pair"
}

# port SPACE INTERFACE BRIDGE: connects an interface to the switch; its port is SPACE-INTERFACE.
port() {
	cable "$1" "$2" switch "$1-$2"
	pp ip -n switch link set "$1-$2" master "$3" up
	# What a switch of metal does by itself: complete checksums, and (for native XDP in a veth)
	# a far end that polls.
	on switch ethtool -K "$1-$2" tx off gro on >/dev/null 2>&1
	pp ip -n "$1" link set "$2" up
	# A NIC takes frames for its own address only, a veth takes whatever is flooded: then the
	# standby would carry known flows in the moment of the kill, and nothing would be measured.
	on switch bridge link set dev "$1-$2" learning off flood off
	on switch bridge fdb add "$(ip -n "$1" -j link show "$2" | "$LAB_TOP/tests/lib/field.py" \
		0.address)" dev "$1-$2" master static
}

lab_wires() {
	local space i
	for space in "${LAB_SPACES[@]}"; do
		pp ip netns add "$space" || fail "cannot make namespaces"
		on "$space" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1
		pp ip -n "$space" link set lo up
	done
	on switch sysctl -qw net.bridge.bridge-nf-call-iptables=0 \
		net.bridge.bridge-nf-call-arptables=0 2>/dev/null
	for i in br-out br-in; do
		pp ip -n switch link add "$i" type bridge
		pp ip -n switch link set "$i" up
	done
	port client eth0 br-out
	for i in 1 2; do
		port "lb$i" eth0 br-out
		port "lb$i" eth1 br-in
	done
	cable lb1 eth2 lb2 eth2
	for i in 1 2; do
		lab_wire_node "$i"
	done
	for i in "${!LAB_MEMBERS[@]}"; do
		port "${LAB_MEMBERS[i]}" eth0 br-in
		pp ip -n "${LAB_MEMBERS[i]}" addr add "10.30.0.$((21 + i))/24" dev eth0
		pp ip -n "${LAB_MEMBERS[i]}" route add default via "$LAB_GATEWAY"
	done
	for ((i = 100; i < 164; i++)); do
		echo "addr add 10.20.0.$i/24 dev eth0"
	done | ip -n client -batch -
	[[ -z $LAB_V6 ]] || lab_wires_v6
}

# wire_v6 SPACE INTERFACE ADDRESS
wire_v6() {
	on "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0" "net.ipv6.conf.$2.disable_ipv6=0"
	pp ip -n "$1" addr add "$3/64" dev "$2" nodad
}
lab_wire_node_v6() {
	wire_v6 "lb$1" eth0 "2001:db8:20::1$1"
	wire_v6 "lb$1" eth1 "2001:db8:30::1$1"
}
lab_wires_v6() {
	local i
	wire_v6 client eth0 2001:db8:20::100
	for i in 1 2; do
		lab_wire_node_v6 "$i"
		on "lb$i" sysctl -qw net.ipv6.conf.all.forwarding=1
	done
	for i in "${!LAB_MEMBERS[@]}"; do
		wire_v6 "${LAB_MEMBERS[i]}" eth0 "2001:db8:30::$((21 + i))"
		pp ip -n "${LAB_MEMBERS[i]}" route add default via "$LAB_GATEWAY6"
	done
}

lab_wire_node() {
	local n=$1
	on "lb$n" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 \
		net.ipv4.conf.eth1.rp_filter=0 net.ipv4.conf.all.send_redirects=0 \
		net.ipv4.conf.eth0.send_redirects=0 net.ipv4.conf.eth1.send_redirects=0
	pp ip -n "lb$n" addr add "10.20.0.1$n/24" dev eth0
	pp ip -n "lb$n" addr add "10.30.0.1$n/24" dev eth1
	pp ip -n "lb$n" addr add "192.168.77.$n/24" dev eth2
	pp ip -n "lb$n" link set eth2 up
}

# --- members ----------------------------------------------------------------------------------

# Samba's RPC daemons as a mail server would be seen: the endpoint mapper on 135 and SAMR on a port
# that differs from member to member.
samba_start() {
	local member=$1 address=$2 ports=$3 dir=$LAB/samba-$1
	local helpers
	helpers=$(dpkg -L samba-common-bin 2>/dev/null | sed -n 's,/samba-dcerpcd$,,p')
	[[ -x $helpers/samba-dcerpcd ]] || fail "samba-dcerpcd is missing; run tests/lib/setup.sh"
	mkdir -p "$dir"/{private,lock,state,cache,pid,ncalrpc,winbindd,log}
	cat >"$dir/smb.conf" <<-END
		[global]
		server role = standalone server
		netbios name = $member
		interfaces = $address/24
		bind interfaces only = yes
		disable netbios = yes
		rpc start on demand helpers = no
		rpc server dynamic port range = $ports
		private dir = $dir/private
		lock directory = $dir/lock
		state directory = $dir/state
		cache directory = $dir/cache
		pid directory = $dir/pid
		ncalrpc dir = $dir/ncalrpc
		winbindd socket directory = $dir/winbindd
		log file = $dir/log/log
	END
	# An account that every Debian has; nothing is added to the machine.
	printf 'caspair\ncaspair\n' | smbpasswd -c "$dir/smb.conf" -a -s daemon >/dev/null ||
		fail "smbpasswd failed"
	spawn "samba-$member" "$member" "$helpers/samba-dcerpcd" -s "$dir/smb.conf" -F \
		--no-process-group -l "$dir/log" --ready-signal-fd=1 \
		"$helpers/rpcd_epmapper" "$helpers/rpcd_lsad"
}

# lab_members [samba]: the chat server everywhere, and Samba when asked for.
lab_members() {
	local i member ports=(6101-6199 49200-49299 59001-59099)
	for i in "${!LAB_MEMBERS[@]}"; do
		member=${LAB_MEMBERS[i]}
		spawn "chat-$member" "$member" "$LAB_BUILD/tests/chat" serve "$member" 7000
		[[ $1 != samba ]] || samba_start "$member" "10.30.0.$((21 + i))" "${ports[i]}"
	done
	for member in "${LAB_MEMBERS[@]}"; do
		wait_for 10 "chat server on $member" on "$member" \
			sh -c 'ss -Hltn sport = 7000 | grep -q .'
		[[ $1 != samba ]] || wait_for 30 "Samba on $member" test -s "$LAB/log/samba-$member.out"
	done
}
