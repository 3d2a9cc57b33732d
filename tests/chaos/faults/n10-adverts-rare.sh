# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=N10
title="each third advert is lost"
touches="lan"
cuts="lan"
hold_ms=10000
dark_ms=5 connect_ms=100
stays=1

inject() {
	bridge_rules "iifname lb$1-* oifname lb$2-* ip protocol 112 numgen random mod 100 < 33 drop;"
}
heal() { lan_heal; }
