# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A router of somebody else in the place of lb2.  Ours runs on lb1 in the pair's lab; what both say
# is recorded on the switch.

. "${BASH_SOURCE[0]%/*}/../lib/pair.sh"

ADVERT=100
VRID=51
FROM_LINE=1
PATIENCE=2000
# What runs here shares the processors with other work, and who is late has lost: theirs get the right
# that ours has.
PUNCTUAL=()
! chrt -f 10 true 2>/dev/null || PUNCTUAL=(chrt -f 10)
ADVERTS=$LAB_TOP/tests/interop/adverts.py

VIRTUAL_LINK_LOCAL=fe80::200:5eff:fe00:233 # of VRID 51

# need PROGRAM PACKAGE: a test without it is skipped, and says so.
need() {
	[[ -x $1 ]] || { echo "$1 is missing (Debian: apt-get install $2)"; exit 77; }
}

# ours_start [KEYWORD...]: lb1 with these lines in its vrrp block; its node counts less than 200.
ours_start() {
	LAB_V6=$IPV6 lab_wires
	LAB_V6=$IPV6 lab_config
	[[ -z $IPV6 ]] || only_ipv6
	sed -i 's/priority 254/priority 150/; s/priority 253/priority 100/' "$LAB/pair.conf"
	ours_config "$@"
	((ADVERT == 100)) || sed -i "s/advert 100ms/advert ${ADVERT}ms/" "$LAB/pair.conf"
	node_start 1
	spawn watch switch "$ADVERTS" watch lb1-eth0 lb2-eth0
}

# The one family that the other router has.
only_ipv6() {
	sed -i '/vip\|gateway\|member/s/10\.[0-9.]*, //' "$LAB/pair.conf"
	LAB_VIP=$LAB_VIP6 LAB_GATEWAY=$LAB_GATEWAY6
}

ours_config() {
	local line
	for line; do
		sed -i "/vrid $VRID/a $line" "$LAB/pair.conf"
	done
}

ours_restart() {
	node_stop 1
	node_start 1
}

leads() { has_role 1 active; }
waits() { has_role 1 standby; }
owner_is() { [[ $(owners) == "$1" ]]; }
owners() {
	[[ -z $IPV6 ]] || { on client "$ADVERTS" owners eth0 "$LAB_VIP" | sort | tr '\n' ' ' |
		sed 's/ $//'; return; }
	nsenter --net=/run/netns/client -- "$LAB_BUILD/tests/blackout" owners eth0 "$LAB_VIP" |
		sort | tr '\n' ' ' | sed 's/ $//'
}

# owned_by SPACE INTERFACE: one station answers for the address, and that is the one.
owned_by() {
	local mac
	mac=$(mac_of "$1" "$2")
	wait_for 15 "$LAB_VIP to be owned by $1 alone" owner_is "$mac"
}

record() { tail -n "+$FROM_LINE" "$LAB/log/watch.out"; }
heard() { record | grep -c "\"port\": \"$1-eth0\".*\"priority\": [1-9]"; }
last_checksum() { record | grep "lb1-eth0" | tail -n 1 | grep -q "$1"; }

# A span in which the roles must not move: COUNT adverts of SPACE.
steady() {
	local space=$1 count=$2 before
	((ADVERT < 1000)) || count=$(((count + 4) / 5))
	before=$(heard "$space")
	wait_for 20 "$count adverts of $space" more_than "$space" $((before + count))
}
more_than() { (($(heard "$1") >= $2)); }

# scene WORDS: from here on the record is judged anew.
scene() {
	SCENE=$*
	FROM_LINE=$(($(wc -l <"$LAB/log/watch.out") + 1))
}

# because REASON: why ours leads.
because() { [[ $(field 1 vrrp.reason) == "$1" ]] || fail "$SCENE: we lead for $(field 1 vrrp.reason)"; }
# released SPACE: it has said that it goes.
released() {
	record | grep -q "\"port\": \"$1-eth0\".*\"priority\": 0," || fail "$SCENE: $1 did not say goodbye"
}

# scene_end [SILENCE]: nobody led beside the other; with SILENCE (ms) nobody was missed longer.  The
# other router has been late by 0.6 s on a busy machine: PATIENCE.
scene_end() {
	local both silence
	record >"$LAB/scene"
	[[ -s $LAB/scene ]] || fail "$SCENE: nothing was heard on the switch"
	"$ADVERTS" judge "$ADVERT" <"$LAB/scene" >"$LAB/judged" || {
		cp "$LAB/scene" "$LAB/log"
		fail "$SCENE: two nodes advertised for $(cut -d ' ' -f 1 "$LAB/judged") ms"
	}
	read -r both silence <"$LAB/judged"
	[[ -z $1 ]] || ((${silence%.*} <= $1 + PATIENCE)) || fail "$SCENE: nobody advertised for $silence ms"
	say "$SCENE: side by side $both ms, silence $silence ms"
}
