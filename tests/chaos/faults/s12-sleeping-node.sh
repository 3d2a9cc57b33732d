# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# As a virtual machine that is frozen: it wakes with the epoch that it had.
id=S12
title="all daemons of the active node stand still for 4 s and wake up"
touches="daemons channel"
cuts="channel"
hold_ms=4000
dark_ms=320 connect_ms=360

all() { signal "$1" "lb$2-vrrpd"; signal "$1" "lb$2-syncd"; signal "$1" "lb$2-lbd"; }
inject() { all -STOP "$1"; }
effect() { has_role "$2" active; }
heal() { all -CONT "$1"; }
