# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=N6
title="the cable between the nodes is cut"
touches="channel"
cuts="channel"
hold_ms=1500
dark_ms=5 connect_ms=100
stays=1
alarm="problem: the channel to .* is down"

inject() { channel_cut; }
effect() { channel_is_down "$1"; }
heal() { channel_heal; }
