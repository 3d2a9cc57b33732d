# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=N1
title="the active node's link to the clients goes down"
touches="lan node"
quick_ms=500
dark_ms=20 connect_ms=100

inject() { ip -n switch link set "lb$1-eth0" down; }
effect() { has_role "$2" active; }
heal() { ip -n switch link set "lb$1-eth0" up; }
