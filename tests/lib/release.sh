# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Two releases in one pair: the one that is tested and the one after it, as tests/next makes it.

# release NODE: of its syncd, as the other node hears it.
release() { field "$1" sync.version; }

has_next_release() { [[ -x $LAB_BUILD/next/lbd ]] || fail "there is no next release: make next"; }

# upgrade NODE: in place, with all its daemons; its tables go over to the new layout.
upgrade() {
	has_next_release
	node_stop "$1"
	ln -sfn "$LAB_BUILD/next" "$LAB/lb$1/release"
	node_start "$1"
}

# downgrade NODE: a standby, whose tables the older release cannot take over.
downgrade() {
	node_stop "$1"
	"$LAB/lb$1/release/lbd" --node "lb$1" --config "$LAB/pair.conf" --run-dir "$LAB/lb$1/run" \
		--state-dir "$LAB/lb$1/state" --bpf-dir "$LAB/bpf/lb$1" --detach-data-plane \
		>"$LAB/log/detach-$1.log" 2>&1 || fail "lb$1: $(tail -n 1 "$LAB/log/detach-$1.log")"
	rm "$LAB/lb$1/release"
	node_start "$1"
}

# What is in memory is not alike in two releases, so the pair itself compares its tables.

# compared ACTIVE: it has come to a result; a comparison that is broken off has none.
compared() {
	pairctl "$1" verify >"$LAB/log/verify.log" 2>&1
	grep -qE '^(equal|mended|not equal)' "$LAB/log/verify.log"
}
# equal_by_its_word ACTIVE WHAT: and nothing had to be mended for that.
equal_by_its_word() {
	LAB_POLL=0.2 wait_for 30 "$2: the tables to be compared" compared "$1"
	grep -q '^equal' "$LAB/log/verify.log" || fail "$2: $(cat "$LAB/log/verify.log")"
}
