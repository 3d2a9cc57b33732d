# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P1
title="vrrpd of the active node is killed"
touches="daemons"
quick_ms=500
# lbd sees its socket close and fences, syncd tells the peer: nobody waits for silence.
dark_ms=20 connect_ms=100

inject() { daemon_kill "$1" vrrpd; }
effect() { has_role "$2" active; }
heal() { daemon_start "$1" vrrpd && await_daemon "$1" vrrpd; }
