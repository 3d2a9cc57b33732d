# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P5
title="syncd of the active node stands still and wakes up"
touches="daemons channel"
cuts="channel"
hold_ms=10000
dark_ms=5 connect_ms=100
stays=1
alarm="problem: "

inject() { signal -STOP "lb$1-syncd"; }
heal() { signal -CONT "lb$1-syncd"; }
