# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=P11
title="the active node is shut down in order, and started again"
touches="all"
hold_ms=500
dark_ms=20 connect_ms=100

inject() { node_stop "$1"; }
effect() { has_role "$2" active; }
heal() { node_start "$1"; }
