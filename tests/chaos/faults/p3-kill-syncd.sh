# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P3
title="syncd of the active node is killed"
touches="daemons channel"
cuts="channel"
dark_ms=5 connect_ms=100
stays=1
alarm="problem: "

inject() { daemon_kill "$1" syncd; }
heal() { daemon_start "$1" syncd && await_daemon "$1" syncd; }
