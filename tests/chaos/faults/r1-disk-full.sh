# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Who cannot store an epoch must not lead, and says so.
id=R1
title="the standby's disk is full"
touches="daemons disk"
hold_ms=1000
dark_ms=5 connect_ms=100
stays=1
alarm="cannot be stored"

inject() {
	signal -TERM "lb$2-vrrpd"
	wait_for 10 "vrrpd of lb$2 to leave" gone "lb$2-vrrpd"
	mount -t tmpfs -o size=16k full "$LAB/lb$2/state" || fail "no small file system"
	dd if=/dev/zero of="$LAB/lb$2/state/full" bs=4k 2>/dev/null
	daemon_start "$2" vrrpd && await_daemon "$2" vrrpd
}
effect() { has_role "$2" fault; }
heal() { umount "$LAB/lb$2/state"; }
