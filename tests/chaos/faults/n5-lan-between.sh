# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=N5
title="the LAN between the nodes is cut; clients reach both, the channel lives"
touches="lan"
cuts="lan"
hold_ms=3000 quick_ms=1500
dark_ms=20 connect_ms=100
stays=1
alarm="problem: .*(its adverts|does not hear the adverts)"

inject() { lan_between; }
heal() { lan_heal; }
