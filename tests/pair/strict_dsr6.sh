#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# pair/strict.sh where the pair sees no answer of a member, and over IPv6: one death.

MODE=dsr V6=1 KILLS=${KILLS:-1} CONNECTS=0 exec "${0%/*}/strict.sh" "$@"
