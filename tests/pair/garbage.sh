#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A thousand connections a second that are no openings of a channel, from the peer's address and
# from others on its link, who are not let in: nothing changes, nothing grows, and the real peer gets
# through to renew its connection meanwhile.  GARBAGE_S sets the time in s (5); with FULL=1 it is
# 30 s, and what the garbage costs is judged closely.  I6.

[[ -z $CASES || " $CASES " == *" 10 "* ]] || exit 0 # of make faults
. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

GARBAGE=${0%/*}/../lib/garbage.py
SECONDS_OF_IT=${GARBAGE_S:-${FULL:+30}} SECONDS_OF_IT=${SECONDS_OF_IT:-5}
CPU_MAX=${FULL:+50} CPU_MAX=${CPU_MAX:-300} # ms a second; on a busy machine the same takes longer
RATE=1000
STRANGERS=()
LAB_PEER_TIMEOUT=3s # a stall of this machine is no silence

fds() { find "/proc/$(pid_of lb1-syncd)/fd" -mindepth 1 | wc -l; }
memory_kib() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(pid_of lb1-syncd)/status"; }
# User and system time of syncd in ms.
cpu_ms() {
	local stat
	read -r -a stat <"/proc/$(pid_of lb1-syncd)/stat"
	echo $(((stat[13] + stat[14]) * 1000 / $(getconf CLK_TCK)))
}
story() {
	field 1 vrrp.role vrrp.epoch vrrp.transitions sync.state sync.channel_up sync.snapshots sync.gaps
	field 2 vrrp.role vrrp.epoch vrrp.transitions sync.state sync.channel_up sync.snapshots sync.gaps
}
refusals() {
	pairctl 1 -j status | grep -oE '"name":"(bad-[a-z]+|half-open-limit|not-admitted|slow)","value":[0-9]+' |
		sed 's/.*"name":"\(.*\)","value":\([0-9]*\)/\1 \2/'
}
sum() { awk '{ sum += $2 } END { print sum + 0 }'; }
downs() { grep -c 'is down' "$LAB/log/lb1-syncd.log" "$LAB/log/lb2-syncd.log" | sed 's/.*://' | paste -sd+ | bc; }
# All that were made have been refused, displaced or have gone by themselves.
at_rest() { (($(fds) <= files)); }

renewals() { field 2 sync.resumes; }
rekey() {
	if [[ $1 == on ]]; then
		sed -i 's|path eth2;|path eth2; rekey 1s;|' "$LAB/pair.conf"
	else
		sed -i 's| rekey 1s;||' "$LAB/pair.conf"
	fi
	signal -HUP lb2-syncd
}

# ms of CPU a second of a node whose peer renews its connection each second, and nothing more.
renewing_costs() {
	local from
	rekey on
	LAB_POLL=0.1 wait_for 20 "a renewal" renewed_since "$(renewals)"
	from=$(cpu_ms)
	work 10000
	echo $((($(cpu_ms) - from) / 10))
	rekey off
}
renewed_since() { (($(renewals) > $1)); }

pair_start
chat_start chat 7000 30 10.20.0.100 10
for i in {100..119}; do
	ip -n lb2 addr add "192.168.77.$i/24" dev eth2
	STRANGERS+=("192.168.77.$i")
done
work 500
files=$(fds) memory=$(memory_kib) before=$(story) idle=$(cpu_ms)
work 2000
idle=$((($(cpu_ms) - idle) / 2))
[[ -z $FULL ]] || idle=$(renewing_costs)

spawn garbage lb2 python3 "$GARBAGE" "$LAB/init" 7790 192.168.77.1 192.168.77.2 \
	"$SECONDS_OF_IT" "$RATE" eth2 "${STRANGERS[@]}"
rekey on
wait_for 10 "an INIT to be heard" test -s "$LAB/init"
busy=$(cpu_ms) began=$(ms) renewed=$(renewals)
LAB_POLL=0.2 wait_for $((SECONDS_OF_IT + 30)) "the garbage to end" gone garbage
took=$(($(ms) - began))
busy=$((($(cpu_ms) - busy) * 1000 / took))
made=$(cut -d' ' -f2 "$LAB/log/garbage.out")
say "$(cat "$LAB/log/garbage.out")"
say "in $took ms; refused on lb1: $(refusals | paste -sd' ')"
say "syncd of lb1: $busy ms of CPU a second, $idle idle; $(($(renewals) - renewed)) renewals meanwhile"
[[ -n $made ]] && ((made >= 100)) || fail "no garbage was made: $(cat "$LAB/log/garbage.log")"
for kind in bad-version bad-length bad-tag half-open-limit not-admitted; do
	refusals | grep -q "^$kind" || fail "nothing was refused as $kind"
done
# Some are gone before they speak, which is no refusal; and one may be cut into another kind.
(($(refusals | sum) >= made / 3)) || fail "only $(refusals | sum) of $made were refused"
(($(renewals) > renewed)) || fail "the real peer did not get through"
LAB_POLL=0.2 wait_for 10 "lb2 in sync" is_standby 2
[[ $(story) == "$before" ]] || fail "something changed: $before, then $(story)"
holds_all garbage || fail "a node says in-sync, and the tables differ"
[[ $(downs) == 0 ]] || fail "the channel was lost"
((busy - idle < CPU_MAX)) || fail "$busy ms of CPU a second, $idle without garbage"
LAB_POLL=0.2 wait_for 10 "its descriptors to be closed" at_rest
(($(memory_kib) - memory < 2048)) || fail "syncd grew from $memory to $(memory_kib) KiB"
say "memory $memory, then $(memory_kib) KiB; descriptors $files, then $(fds)"
rekey off
chat_stop chat
