# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The switch sends 10 Mbit/s to each node, and holds 300 ms of it back; there is more to send.  Adverts
# are late, and some are lost: that is no reason to take over.  The witness's questions wait in these
# queues too, so that after a takeover one question could find two owners, one after the other.
id=N13
title="the LAN carries 10 Mbit/s, full queues of 300 ms, and adverts are lost"
touches="lan"
cuts="lan"
hold_ms=4000
dark_ms=any connect_ms=any
two_ms=300
heal_s=20
stays=1

# 13 Mbit/s.  Its socket must hold more than the queue does, or it waits and nothing is lost.
FILLER='
import socket, sys, time
SO_SNDBUFFORCE = 32
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20)
begin, sent = time.monotonic(), 0
while True:
    while sent < (time.monotonic() - begin) * 1200:
        sock.sendto(bytes(1400), (sys.argv[1], 9))
        sent += 1
    time.sleep(0.002)'

inject() {
	local node
	for node in 1 2; do
		on switch tc qdisc replace dev "lb$node-eth0" root tbf rate 10mbit burst 16kb \
			latency 300ms || fail "no tbf"
		spawn "filler-$node" client python3 -c "$FILLER" "10.20.0.1$node"
	done
}
effect() { on switch tc -s qdisc show dev "lb$2-eth0" | grep -qE 'dropped [1-9][0-9]'; }
heal() {
	local node
	for node in 1 2; do
		signal -KILL "filler-$node"
		on switch tc qdisc del dev "lb$node-eth0" root
	done
}
