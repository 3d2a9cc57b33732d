# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Nobody checks the members where lbd hangs: after 5 s the peer had better lead.
id=P5B
title="lbd of the active node stands still and wakes up"
touches="daemons"
hold_ms=2000
dark_ms=20 connect_ms=100
alarm="problem: .*lbd" alarm_s=10

inject() { signal -STOP "lb$1-lbd"; }
effect() { has_role "$2" active; }
heal() { signal -CONT "lb$1-lbd"; }
