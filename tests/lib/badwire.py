#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""badwire.py INTERFACE TAP MARK KIND: frames that are read from TAP leave by INTERFACE, spoiled.

The firewall sends everything to TAP that has not MARK.  KIND `late`: 20 ms late, 10 more or less, one
in 20 at once and one in 50 twice.  KIND `forged`: each second the payload of one TCP segment is
another one, with a right checksum: a bit of it flipped, an earlier payload of this side again, two in
the wrong order, or one of the other side sent back to it.  Each is a line of JSON: "t", "event"
`forged`, "kind", both ports, and TCP's number of its first byte with the "length".  Ends at SIGTERM,
with a last line of how often it did what.
"""
import collections
import fcntl
import heapq
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

TUNSETIFF, TAP_NO_INFO = 0x400454ca, 0x1002
EVERY_S, KEPT = 1.0, 64
KINDS = ('flipped', 'replayed', 'reordered', 'reflected')
made = collections.Counter()


def open_tap(name):
    tap = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack('16sH', name.encode(), TAP_NO_INFO))
    subprocess.run(['ip', 'link', 'set', name, 'up'], check=True)
    return tap


def open_wire(interface, mark):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind((interface, 0))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    return wire


def payload_at(frame):
    """Where a TCP segment has its payload; None: it is none, or has none."""
    if len(frame) < 54 or frame[12:14] != b'\x08\x00' or frame[23] != socket.IPPROTO_TCP:
        return None
    tcp = 14 + (frame[14] & 15) * 4
    at = tcp + (frame[tcp + 12] >> 4) * 4
    return at if at < 14 + struct.unpack('!H', frame[16:18])[0] else None


def payload_of(frame):
    return frame[payload_at(frame):14 + struct.unpack('!H', frame[16:18])[0]]


def with_payload(frame, payload):
    """The same segment with as much of another payload, and its checksum (RFC 9293, 3.1)."""
    at, size = payload_at(frame), len(payload_of(frame))
    frame = bytearray(frame[:at] + (payload * (size // len(payload) + 1))[:size])
    tcp = 14 + (frame[14] & 15) * 4
    frame[tcp + 16:tcp + 18] = b'\0\0'
    data = frame[26:34] + struct.pack('!HH', socket.IPPROTO_TCP, len(frame) - tcp) + frame[tcp:]
    total = sum(struct.unpack('!%dH' % ((len(data) + 1) // 2), bytes(data) + b'\0' * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    frame[tcp + 16:tcp + 18] = struct.pack('!H', ~total & 0xffff)
    return bytes(frame)


def head_of(frame):
    """Both ports, and the number of the first byte."""
    tcp = 14 + (frame[14] & 15) * 4
    return struct.unpack('!HHI', frame[tcp:tcp + 8])


def follows(first, second):
    number = (head_of(first)[2] + len(payload_of(first))) % 2**32
    return head_of(second) == (*head_of(first)[:2], number) and first[30:34] == second[30:34]


def tell_forged(kind, frame, size):
    source, target, number = head_of(frame)
    print(json.dumps({'t': round(time.time() * 1000), 'event': 'forged', 'kind': kind, 'from': source,
                      'to': target, 'number': number, 'length': size}), flush=True)


class Late:
    """Says when a frame leaves, and that it does so once or twice."""

    def heard(self, frame):
        pass

    def leave(self, frame, now):
        for _ in range(2 if random.random() < 0.02 else 1):
            late = 0 if random.random() < 0.05 else random.uniform(0.010, 0.030)
            made['at once' if not late else 'late'] += 1
            yield now + late, frame


class Forged:
    """One payload each second is not the right one."""

    def __init__(self):
        self.said, self.theirs = (collections.deque(maxlen=KEPT) for _ in range(2))
        self.next, self.turn = time.monotonic() + 0.2, 0
        self.first = None       # of two whose order is wrong

    def heard(self, frame):
        if payload_at(frame):
            self.theirs.append(payload_of(frame))

    def another(self, payload, kind):
        """What stands in the place of a payload; of another one its size, if there is any, so that
        frames begin and end where they should."""
        if kind == 'flipped':
            bit = random.randrange(len(payload) * 8)
            wrong = bytearray(payload)
            wrong[bit // 8] ^= 1 << bit % 8
            return bytes(wrong)
        others = [other for other in (self.said if kind == 'replayed' else self.theirs)
                  if other != payload]
        alike = [other for other in others if len(other) == len(payload)]
        return random.choice(alike or others or [payload])

    def done(self, kind, now):
        made[kind] += 1
        self.turn, self.next = self.turn + 1, now + EVERY_S

    def swap(self, second, now):
        """Two payloads that follow each other, in the wrong order; any others as they are."""
        first, self.first = self.first, None
        if not follows(first, second):
            return first, second
        ahead, behind = payload_of(first), payload_of(second)
        wrong = behind + ahead
        tell_forged('reordered', first, len(wrong))
        self.done('reordered', now)
        return (with_payload(first, wrong[:len(ahead)]), with_payload(second, wrong[len(ahead):]))

    def forge(self, frame, now):
        """The frames that leave in its place: none while it waits for the one that is to overtake it."""
        if self.first:
            return self.swap(frame, now)
        kind, payload = KINDS[self.turn % len(KINDS)], payload_of(frame)
        if now < self.next or not self.theirs:
            return (frame,)
        if kind == 'reordered':
            self.first = frame
            return ()
        wrong = self.another(payload, kind)
        if wrong == payload:
            return (frame,)
        tell_forged(kind, frame, len(payload))
        self.done(kind, now)
        return (with_payload(frame, wrong),)

    def leave(self, frame, now):
        if not payload_at(frame):
            yield now, frame
            return
        for one in self.forge(frame, now):
            yield now, one
        self.said.append(payload_of(frame))


def main():
    interface, name, mark, kind = sys.argv[1:]
    tap, wire = open_tap(name), open_wire(interface, int(mark))
    own = wire.getsockname()[4]
    spoiler = {'late': Late, 'forged': Forged}[kind]()
    waiting, number, going = [], 0, True

    def stop(*_):
        nonlocal going
        going = False
    signal.signal(signal.SIGTERM, stop)
    while going:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            wire.send(heapq.heappop(waiting)[2])
        left = min(0.2, waiting[0][0] - now) if waiting else 0.2
        ready, _, _ = select.select([tap, wire], [], [], left)
        if wire in ready:
            frame, where = wire.recvfrom(65535)
            if where[2] != socket.PACKET_OUTGOING:
                spoiler.heard(frame)
        if tap in ready:
            frame = os.read(tap, 65535)
            if frame[6:12] != own:
                continue        # the tap's own
            for when, what in spoiler.leave(frame, time.monotonic()):
                number += 1
                heapq.heappush(waiting, (when, number, what))
    print(json.dumps({'event': 'total', **made}), flush=True)


main()
