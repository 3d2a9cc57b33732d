# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=R3
title="both processors are busy with other work"
touches="cpu"
hold_ms=8000
dark_ms=20
stays=1

inject() { load_start; }
heal() { load_stop; true; }
