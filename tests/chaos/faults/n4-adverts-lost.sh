# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=N4
title="the standby does not get the adverts, and all else"
touches="lan"
cuts="lan"
hold_ms=3000
dark_ms=5 connect_ms=100
stays=1
alarm="problem: .*advert"

inject() { bridge_rules "iifname lb$1-* oifname lb$2-* ip protocol 112 drop;"; }
heal() { lan_heal; }
