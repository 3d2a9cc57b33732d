# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Refused for safety, it has no effect: that is right while another fault keeps the standby from having
# all, and condemned where there is none.
id=P6
title="planned failover"
touches="daemons node"
hold_ms=500 quick_ms=300
dark_ms=10 connect_ms=100

inject() { pairctl "$1" failover || (($? == 4)); }
effect() { has_role "$2" active; }
