# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Its link stays up, so it must find out by asking its witnesses.
id=N3
title="nobody hears the active node any more, and its link is up"
touches="lan node"
cuts="lan"
hold_ms=1000
dark_ms=1500

inject() { lan_mute "$1"; }
effect() { has_role "$2" active; }
heal() { lan_heal; }
