#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# FRR as the other router over IPv6.

export IPV6=1
exec "${0%/*}/frr.sh" "$@"
