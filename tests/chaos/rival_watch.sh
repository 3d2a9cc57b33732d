#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/chaos/rival_watch.sh NODE ADDRESS PID-FILE
#
# What demo/watch.py tells of a node of ours, of one with keepalived: it leads when it has ADDRESS.

last=''
while :; do
	role=standby pid=$(cat "$3" 2>/dev/null)
	if ip -n "lb$1" -4 addr show dev eth0 | grep -q " $2/32 "; then
		role=active
	elif [[ -z $pid || ! -d /proc/$pid ]]; then
		role=down
	fi
	if [[ $role != "$last" ]]; then
		now=${EPOCHREALTIME/[.,]/}
		printf '{"t": %s, "node": %s, "role": "%s", "epoch": 0, "sync": "in-sync", "lag_ms": 0}\n' \
			"${now%???}" "$1" "$role"
		last=$role
	fi
	sleep 0.05
done
