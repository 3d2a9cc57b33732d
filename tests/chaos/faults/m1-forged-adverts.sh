# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=M1
title="a stranger advertises in the peer's name, and in his own"
touches=""
hold_ms=500
dark_ms=5 connect_ms=100
stays=1

inject() {
	local source
	for source in "10.20.0.1$2" 10.20.0.100; do
		on client python3 "$LAB_TOP/tests/interop/adverts.py" forge eth0 "$source" 224.0.0.18 51 \
			stranger 50
	done
}
