#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/next/build.sh [BUILD-DIR]
#
# Builds the daemons of the next release, as next.patch makes it of today's sources, into
# BUILD-DIR/next.  What has not changed since the last time is not built again.

cd "${0%/*}/../.." || exit 1
next=${1:-build}/next
fresh=$next/fresh tree=$next/tree
fail() { echo "the next release: $*" >&2; exit 1; }

rm -rf "$fresh" && mkdir -p "$fresh" "$tree" && cp -rp Makefile proto conf lbd syncd vrrp "$fresh" ||
	fail "the tree cannot be copied"
layout=$(sed -n 's/^#define FLOW_LAYOUT \([0-9]*\)$/\1/p' "$fresh/proto/flow_limits.h")
[[ -n $layout ]] || fail "proto/flow_limits.h has no FLOW_LAYOUT"
sed -i "s/^#define FLOW_LAYOUT .*/#define FLOW_LAYOUT $((layout + 1))/" "$fresh/proto/flow_limits.h"
sed -i 's/\(sizeof(struct flow) == [0-9]*\)/\1 + 8/' "$fresh/proto/flow.h"
patch --batch --quiet --no-backup-if-mismatch -p1 -d "$fresh" -i "$PWD/tests/next/next.patch" ||
	fail "tests/next/next.patch does not apply to these sources: adapt it"

# Only what differs gets a new time.
(cd "$tree" && find . -path ./out -prune -o -type f -print) | while read -r file; do
	[[ -e $fresh/$file ]] || rm -f "$tree/$file"
done
(cd "$fresh" && find . -type f -print) | while read -r file; do
	cmp -s "$fresh/$file" "$tree/$file" ||
		{ mkdir -p "$tree/${file%/*}" && cp "$fresh/$file" "$tree/$file"; }
done
rm -rf "$fresh"

make --no-print-directory -C "$tree" B=out SAN= CFLAGS=-O1 VERSION=next out/lbd out/lbd-check out/vrrpd out/syncd ||
	fail "it cannot be built"
ln -f "$tree"/out/{lbd,lbd-check,vrrpd,syncd} "$next"
