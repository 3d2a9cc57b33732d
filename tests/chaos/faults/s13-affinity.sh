# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# 100 clients have been to ports that the mapper might name, and to both ports of another group, and
# are gone: pins are all that is left of them.  Then weights change, so that no table leads to
# where they were, and the active node dies.  Whoever comes for the first time goes by the new weights.
id=S13
title="100 pinned clients come again after weights and then the active node have changed"
touches="all"
hold_ms=300
dark_ms=320 connect_ms=360
heal_s=20

serve() {
	local member port
	for member in "${LAB_MEMBERS[@]}"; do
		for port in "$@"; do
			lives "serve-$member-$port" ||
				spawn "serve-$member-$port" "$member" "$LAB_BUILD/tests/chat" serve "$member" "$port"
		done
	done
}
# The mapper's port is others' where there are mail clients, or Samba.
ports() {
	((MAPI > 0)) || [[ -n $LAB_SAMBA ]] || echo 135
	printf '%s\n' 6005 6006 7000 7001
}
clients_have_a_way() { ip -n "lb$1" route replace 10.22.0.0/16 via "$LAB_CLIENTS"; }
knock() {
	# shellcheck disable=SC2046 # ports
	on client "$LAB_TOP/tests/lib/knock.py" "$LAB_VIP" "$1" 100 0 $(ports)
}

prepare() {
	local number i
	number=$(($(cat "$LAB/s13" 2>/dev/null || echo 0) + 1))
	echo "$number" >"$LAB/s13"
	for ((i = 1; i <= 200; i++)); do
		echo "addr add 10.22.$((number % 250)).$i/32 dev lo"
	done | ip -n client -force -batch - 2>/dev/null
	# shellcheck disable=SC2046 # ports
	serve $(ports | grep -v '^700')
	clients_have_a_way 1
	clients_have_a_way 2
}
# What comes true too late is found in check(): the node is to be off in any case.
inject() {
	knock "10.22.$(($(<"$LAB/s13") % 250)).1" >"$LAB/s13-before"
	sed 's/member m[12] {/& weight 1;/; s/member m3 {/& weight 100;/' "$LAB/pair.conf" >"$LAB/new.conf"
	await 20000 pairctl "$1" push "$LAB/new.conf" --no-confirm
	await 20000 one_revision
	node_power_off "$1"
}
effect() { has_role "$2" active; }
heal() {
	knock "10.22.$(($(<"$LAB/s13") % 250)).1" >"$LAB/s13-after"
	knock "10.22.$(($(<"$LAB/s13") % 250)).101" >"$LAB/s13-others"
	node_power_on "$1"
	clients_have_a_way "$1"
}
check() {
	local others torn
	config_back "$1"
	(($(wc -l <"$LAB/s13-before") == 100 * $(ports | wc -l))) || fail "not all had an answer before"
	cmp -s "$LAB/s13-before" "$LAB/s13-after" ||
		fail "elsewhere than before: $(diff "$LAB/s13-before" "$LAB/s13-after" | grep -c '^>')"
	torn=$(awk '{ group = $2 >= 7000 ? "chat" : "rpc" }
		!seen[$1, group, $3]++ && ++members[$1, group] == 2' "$LAB/s13-after" | wc -l)
	((torn == 0)) || fail "$torn clients are at two members of a group"
	others=$(awk '$3 != "m3"' "$LAB/s13-others" | wc -l)
	((others * 4 < $(wc -l <"$LAB/s13-others"))) || fail "$others newcomers do not follow the weights"
}
