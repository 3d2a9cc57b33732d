# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P4
title="vrrpd of the active node stands still and wakes up"
touches="daemons"
hold_ms=10000 quick_ms=1500
# The lease is soft: the address is served until the peer's own advert fences it.
dark_ms=20 connect_ms=100

inject() { signal -STOP "lb$1-vrrpd"; }
effect() { has_role "$2" active; }
heal() { signal -CONT "lb$1-vrrpd"; }
