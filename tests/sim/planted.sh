#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/sim/planted.sh [BUILD-DIR]
#
# A simulator that finds nothing is not believed: each planted bug must be found within 2,000 seeds.

cd "${0%/*}/../.." || exit 1
sim=${1:-build}/tests/sim
missed=0
for bug in ack-early no-sweep epoch-lost overwrite no-gate late-lease no-fence no-verdicts \
	silent-loss hole-forgotten config-unheard end-kept no-barrier no-witness hasty \
	verify-blind kept-stale kept-short wish-unheard ports-unheard \
	stage-skipped stage-unstored confirm-unheard confirm-unstored history-lost \
	release-early; do
	found=$("$sim" -n 2000 -p $bug | grep '^seed ' | head -n 1)
	[[ -n $found ]] || missed=$((missed + 1))
	printf '%-14s %s\n' "$bug" "${found:-NOT FOUND}"
done
echo "$missed planted bugs were missed"
((missed == 0))
