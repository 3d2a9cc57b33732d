# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P7
title="the active node loses its power, and returns empty"
touches="daemons node lan channel"
quick_ms=500
# Three adverts of 100 ms, and what their skew adds.
dark_ms=320 connect_ms=360
heal_s=20

inject() { node_power_off "$1"; }
effect() { has_role "$2" active; }
heal() { node_power_on "$1"; }
