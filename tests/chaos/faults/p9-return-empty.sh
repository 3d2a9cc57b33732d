# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Better by its priority, and with nothing in its tables: it may not take the role back.
id=P9
title="the preferred node dies and returns with empty tables"
touches="all"
first=1
hold_ms=3000
dark_ms=320 connect_ms=360
heal_s=20
moves=1

inject() { node_power_off 1; }
effect() { has_role 2 active; }
heal() { node_power_on 1; }
check() { has_role 2 active || fail "lb1 took the role back"; }
