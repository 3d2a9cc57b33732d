# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P6
title="planned failover"
touches="daemons node"
hold_ms=500 quick_ms=300
dark_ms=10 connect_ms=100

inject() { pairctl "$1" failover; }
effect() { has_role "$2" active; }
