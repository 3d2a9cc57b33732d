# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P2
title="lbd of the active node is killed"
touches="daemons"
dark_ms=5 connect_ms=100
stays=1
alarm="problem: .*lbd"

inject() { daemon_kill "$1" lbd; }
heal() { daemon_start "$1" lbd && await_daemon "$1" lbd; }
