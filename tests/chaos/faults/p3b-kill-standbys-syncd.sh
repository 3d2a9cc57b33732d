# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P3B
title="syncd of the standby is killed"
touches="daemons channel"
cuts="channel"
dark_ms=5 connect_ms=100
stays=1
alarm="problem: no standby is in sync"

inject() { daemon_kill "$2" syncd; }
heal() { daemon_start "$2" syncd && await_daemon "$2" syncd; }
