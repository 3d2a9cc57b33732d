#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Pushes in a row under load: members come, get another weight, are drained and go, timeouts and the
# interval of the adverts change, while sessions last and new connections are made all the time.  No
# session is lost, none moves, nobody takes the role, each advert arrives, and after each push both
# nodes run it.  50 pushes, 1,000 sessions and 2,000 new connections a second; PUSHES=, SESSIONS= and
# RATE= make it smaller.  It is for a machine that has little else to do.  I1, I2, I4.

. "${0%/*}/../lib/push.sh"
lab_enter "$@"
pushes=${PUSHES:-50}
sessions=${SESSIONS:-1000}
rate=${RATE:-2000}

edit() { sed -i "$1" "$LAB/new.conf"; }
weigh() { edit "s/member $1 { weight [0-9]*;/member $1 { weight $2;/"; }

# New connections, from one half of the sources: those of the other half forget their members, so that
# the next ones also go to a member that has just come.  No connection lives for a second.
burst=0
burst_start() {
	local from=(10.20.0.100 10.20.0.150)
	spawn "fresh$burst" client "$LAB_BUILD/tests/fresh" burst "$LAB_VIP" 7000 \
		"${from[burst % 2]}" 12 "$rate"
}
burst_end() { # burst_end NUMBER
	local total
	signal -TERM "fresh$1"
	wait_for 40 "burst $1 to end" gone "fresh$1"
	total=$(grep '"total"' "$LAB/log/fresh$1.out")
	[[ $total == *'"lost":0,'* && $total != *'"answered":0,'* ]] || fail "new connections: $total"
	made=$((made + $("$LAB_TOP/tests/lib/field.py" answered <<<"$total")))
}
burst_next() {
	burst=$((burst + 1))
	burst_start
	burst_end $((burst - 1))
}
made=0

third_comes() { edit '/^    member m2/a\    member m3 { weight 10; address 10.30.0.23 }'; }
third() { pairctl 1 "$1" m3 >"$LAB/log/drain.log" 2>&1 || fail "$(cat "$LAB/log/drain.log")"; }
third_serves() { (($(pairctl 1 sessions --member m3 | grep -c ' m3 ') > 0)); }
third_goes() { edit '/^    member m3/d'; }

# One of each kind in turn; what an operator says of a member is not in the file, so a timeout goes
# with it.
change() {
	case $(($1 % 5)) in
	1) third_comes ;;
	2)
		third undrain
		(($1 < 5)) || work 2000 # their pins last for a second
		burst_next
		wait_for 20 "new connections at m3" third_serves
		weigh m1 $(($1 % 40 + 5)) && weigh m3 $(($1 % 30 + 1))
		;;
	3) third drain && edit "s/idle-timeout [0-9]*h/idle-timeout $(($1 % 20 + 3))h/" ;;
	4)
		# Those whom it serves would stay with it; when they have ended nobody is left there.
		burst_next
		third_goes
		;;
	0)
		edit "s/advert [0-9]*ms/advert $((100 + $1 % 3 * 10))ms/
			s/peer-timeout [0-9.a-z]*/peer-timeout 1$(($1 % 10))00ms/
			s/interval [0-9]*ms/interval $((400 + $1 % 7 * 10))ms/"
		;;
	esac
}
# adverts: how many lb1 has sent and lb2 has heard, at one moment: between two of them; not in two
# words where the machine is too slow to be asked so fast.
counter() { pairctl "$1" -j status | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"; }
adverts() {
	local heard sent tries
	for ((tries = 0; tries < 50; tries++)); do
		heard=$(counter 2 adverts_received)
		sent=$(counter 1 adverts_sent)
		[[ $heard != "$(counter 2 adverts_received)" ]] || { echo "$sent $heard"; return; }
	done
	echo unknown
}

lab_wires
lab_members ""
lab_config 200000
nodes_sign
sed -i '/^    member m3/d; s/affinity-timeout 1h/affinity-timeout 1s/; s/member m\([12]\) {/member m\1 { weight 10;/' "$LAB/pair.conf"
pair_begin
cp "$LAB/pair.conf" "$LAB/new.conf"
# Lost is what is silent for 20 s: a full machine loses packets, and TCP takes its time then.
spawn chat client "$LAB_BUILD/tests/chat" hold "$LAB_VIP" 7000 "$sessions" 10.20.0.120 30 250 20000
wait_for 30 "$sessions sessions to open" chat_open chat "$sessions"
signal -USR1 chat
burst_start
work 300
before=$(moves)
read -r sent received <<<"$(adverts)"

edit 's/affinity-timeout 2h/affinity-timeout 3h/'
pushed 2 --no-confirm
for ((i = 1; i <= pushes; i++)); do
	change "$i"
	pushed_from $((i % 2 + 1)) $((i + 2)) -m "push $i" --no-confirm
done

read -r sent_then received_then <<<"$(adverts)"
[[ $(moves) == "$before" ]] || fail "a role moved: $before, now $(moves)"
adverts="adverts were not counted, the machine is too slow"
if [[ -n $received && -n $received_then ]]; then
	sent=$((sent_then - sent)) received=$((received_then - received))
	# One may be on its way when they are counted.
	((sent - received <= 1)) || fail "$((sent - received)) of $sent adverts did not arrive"
	adverts="$sent adverts, all arrived"
fi
burst_end "$burst"
chat_stop chat
say "$((pushes + 1)) pushes, both nodes on each: $sessions sessions and $made connections made meanwhile, none lost or moved"
say "$adverts; $(field 1 vrrp.late) late, the worst by $(field 1 vrrp.latest_ms) ms"
