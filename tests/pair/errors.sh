#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What an operator gets wrong is said in one clear line, with a non-zero exit and nothing left
# behind; a configuration with many faults has all of them named in one run.

. "${0%/*}/../lib/pair.sh"
lab_enter "$@"

cases=0

# refuses NAME STATUS PATTERN COMMAND...: STATUS is a number, or "any" but 0.
refuses() {
	local name=$1 wanted=$2 pattern=$3 status
	shift 3
	cases=$((cases + 1))
	on lb1 timeout 10 "$@" >"$LAB/log/case.log" 2>&1
	status=$?
	cp "$LAB/log/case.log" "$LAB/log/$name.log"
	if ((status == 0 || status >= 124)) || [[ $wanted != any && $status != "$wanted" ]]; then
		tail -5 "$LAB/log/case.log"
		fail "$name: exit status $status, not $wanted"
	fi
	if ! grep -qiE "$pattern" "$LAB/log/case.log"; then
		tail -5 "$LAB/log/case.log"
		fail "$name: no word of $pattern"
	fi
	say "$name: $(grep -iE -m1 "$pattern" "$LAB/log/case.log" | cut -c1-150)"
}

# daemon NAME [OPTION VALUE...]: its command line; later options win.
daemon() {
	local name=$1
	shift
	command=("$LAB_BUILD/$name" --config "$LAB/pair.conf" --node lb1 --run-dir "$LAB/lb1/run"
		--state-dir "$LAB/lb1/state" --bpf-dir "$LAB/bpf/lb1" --key "$LAB/lb1/node.key" "$@")
}

# variant SED-SCRIPT: the lab's configuration with one thing changed.
variant() { sed "$1" "$LAB/pair.conf" >"$LAB/variant.conf"; }

config_faults() {
	local file=$LAB_TOP/tests/data/conf/faults.conf found
	cases=$((cases + 1))
	(cd "${file%/*}" && "$LAB_BUILD/pairctl" check faults.conf) >"$LAB/log/faults.log" 2>&1
	(($? == 1)) || fail "check of a file with faults does not exit with 1"
	found=$(grep -E '^faults.conf:[0-9]+:[0-9]+: ' "$LAB/log/faults.log" | grep -vc ': warning: ')
	((found >= 18)) || fail "check names $found faults only"
	while IFS= read -r line; do
		grep -qF -- "$line" "$LAB/log/faults.log" || fail "check does not say: $line"
	done < <(grep -E ':[0-9]+:[0-9]+: ' "$LAB_TOP/tests/data/conf/faults.expected")
	say "config: $found faults named in one run"
}

daemon_cases() {
	chmod 644 "$LAB/lb1/node.key"
	daemon syncd
	refuses key-readable any 'key.*(mode|read|0600|others)' "${command[@]}"
	chmod 600 "$LAB/lb1/node.key"
	daemon syncd --key "$LAB/nowhere.key"
	refuses key-missing any 'nowhere\.key' "${command[@]}"

	spawn squatter lb1 "$LAB_BUILD/tests/chat" serve x 7790
	wait_for 5 "port to be taken" on lb1 sh -c 'ss -Hltn sport = 7790 | grep -q .'
	daemon syncd
	refuses port-in-use any '7790.*in use|in use.*7790' "${command[@]}"
	signal -9 squatter

	daemon lbd --node lb9
	refuses unknown-node any 'lb9' "${command[@]}"
	daemon lbd --bpf-dir "$LAB/lb1/state"
	refuses not-bpffs any 'BPF file system|bpffs' "${command[@]}"
	daemon vrrpd --no-such-option
	refuses wrong-option 2 'no-such-option' "${command[@]}"
}

interface_cases() {
	variant 's/eth1/eth9/g'
	daemon lbd --config "$LAB/variant.conf"
	refuses interface-missing any 'eth9' "${command[@]}"
	variant 's/interface eth0; /interface eth9; /'
	daemon vrrpd --config "$LAB/variant.conf"
	refuses interface-missing-vrrpd any 'eth9' "${command[@]}"
	variant 's/interface eth0, eth1/interface eth0, lo/'
	daemon lbd --config "$LAB/variant.conf"
	refuses interface-no-ethernet any 'lo.*ethernet|ethernet.*lo' "${command[@]}"
	# A bridge has no XDP of its own; asked for native, lbd must not fall back in silence.
	ip -n lb1 link add nodrv0 type bridge
	ip -n lb1 link set nodrv0 up
	variant 's/interface eth0, eth1; hook xdp; xdp [a-z]*/interface eth0, nodrv0; xdp native/'
	daemon lbd --config "$LAB/variant.conf"
	refuses interface-no-xdp any 'nodrv0.*native|native.*nodrv0' "${command[@]}"
	[[ -z $(ip -n lb1 link show eth0 | grep -o xdp) ]] || fail "a program was left on eth0"
}

pairctl_cases() {
	refuses pairctl-nobody-there 3 'lb1/run' "$LAB_BUILD/pairctl" --run-dir "$LAB/lb1/run" status
	refuses pairctl-unknown-verb 2 'statsu' "$LAB_BUILD/pairctl" statsu
	refuses pairctl-key-exists any 'exists' "$LAB_BUILD/pairctl" keygen lb1 --key \
		"$LAB/lb1/node.key"
	refuses config-missing any 'nowhere\.conf' "$LAB_BUILD/pairctl" check "$LAB/nowhere.conf"
}

lab_wires
lab_config
mkdir -p "$LAB/bpf/lb1"
config_faults
daemon_cases
interface_cases
pairctl_cases
say "$cases mistakes, each named and refused"
