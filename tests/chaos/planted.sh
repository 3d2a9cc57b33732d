#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/chaos/planted.sh [BUILD-DIR]
#
# A judge that condemns nothing is not believed: with a bug planted in a daemon the fault that is
# named here must end in a verdict against it.  ONLY_BUGS="mute:P7" picks.

cd "${0%/*}/../.." || exit 1
build=${1:-build}
missed=0
for pair in ${ONLY_BUGS:-mute:P7 mute:N12 forgetful:P4 choosy:S5 gullible:S9}; do
	bug=${pair%:*} fault=${pair#*:}
	PLANTED=$bug ONLY=$fault tests/chaos/run "$build" >"$build/planted/$bug-$fault.log" 2>&1
	words=$(grep -m 1 WRONG: "$build/planted/$bug-$fault.log")
	[[ -n $words ]] || missed=$((missed + 1))
	printf '%-10s %-3s %s\n' "$bug" "$fault" "${words:-NOT FOUND}" | cut -c1-150
done
echo "$missed planted bugs were missed"
((missed == 0))
