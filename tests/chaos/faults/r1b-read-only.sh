# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=R1B
title="the active node's disk cannot be written any more"
touches="disk"
hold_ms=3000
dark_ms=5 connect_ms=100

inject() {
	mount --bind "$LAB/lb$1/state" "$LAB/lb$1/state" &&
		mount -o remount,bind,ro "$LAB/lb$1/state" || fail "cannot be mounted so"
}
# A daemon that another fault has started meanwhile keeps files of this mount open.
heal() {
	mount -o remount,bind,rw "$LAB/lb$1/state" && umount --lazy "$LAB/lb$1/state"
}
