#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""garbage.py INIT-FILE PORT TO PEER SECONDS RATE INTERFACE SOURCE...: bad openings of a channel.

Connects RATE times a second to port PORT of TO, from the PEER's own address and from each SOURCE in
turn, and says something that is no opening: noise, an INIT of the peer that was heard before on
INTERFACE (replayed, cut short, with a wrong tag, version or length), the listener's own HELLO, or
nothing at all.  INIT-FILE comes to exist once such an INIT has been heard.  Prints how many
connections were made, and spoke, of each kind.
"""
import collections
import errno
import os
import random
import socket
import struct
import sys
import time

FRESH = 4        # connections that have not spoken yet: the eldest does
SAID = 16        # and that have, for it to be read: a reset takes away what is not
SILENT = 100     # that never will
LINGER = struct.pack('ii', 1, 0)
HELLO = 36
KINDS = ('noise', 'replayed', 'reflected', 'truncated', 'oversized', 'old-version', 'silent',
         'wrong-tag')


def heard_init(interface, port):
    """The payload of the first TCP segment to that port that begins like an INIT."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    tap.bind((interface, 0))
    tap.settimeout(30)
    while True:
        packet = tap.recv(65535)
        if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            continue
        start = (packet[0] & 15) * 4
        total = struct.unpack('!H', packet[2:4])[0]
        if struct.unpack('!H', packet[start + 2:start + 4])[0] != port:
            continue
        payload = packet[start + (packet[start + 12] >> 4) * 4:total]
        if len(payload) > 4 + 16 + 48 and payload[0] == 1 and \
                struct.unpack('<H', payload[2:4])[0] == len(payload) - 20:
            return payload


def connect(source, address):
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    sock.bind((source, 0))
    result = sock.connect_ex(address)
    if result not in (0, errno.EINPROGRESS):
        sock.close()
        return None
    return sock


def words(kind, init, sock):
    if kind == 'noise':
        return os.urandom(random.randrange(1, 400))
    if kind == 'replayed':
        return init
    if kind == 'reflected':
        return sock.recv(HELLO)
    if kind == 'truncated':
        return init[:random.randrange(1, len(init))]
    if kind == 'oversized':
        return init[:2] + b'\xff\xff' + os.urandom(400)
    if kind == 'old-version':
        return init[:1] + b'\x01' + init[2:]
    if kind == 'wrong-tag':
        return init[:4] + os.urandom(16) + init[20:]
    return b''


def speak(sock, kind, init, made):
    try:
        said = words(kind, init, sock)
        if said:
            sock.send(said)
        made[kind] += 1
    except OSError:
        made['gone'] += 1     # another one had taken its place by then


class Crowd:
    """Connections in the order in which they were made: each speaks once, and is closed later."""

    def __init__(self, init):
        self.init = init
        self.made = collections.Counter()
        self.fresh, self.said, self.silent = (collections.deque() for _ in range(3))

    def add(self, sock, kind):
        self.fresh.append((sock, kind))
        if len(self.fresh) > FRESH:
            sock, kind = self.fresh.popleft()
            speak(sock, kind, self.init, self.made)
            (self.silent if kind == 'silent' else self.said).append(sock)
        for line, most in ((self.said, SAID), (self.silent, SILENT)):
            if len(line) > most:
                line.popleft().close()

    def report(self):
        return ' '.join(f'{kind} {self.made[kind]}' for kind in (*KINDS, 'gone'))


def main():
    path, port, target, peer, seconds, rate, interface = sys.argv[1:8]
    sources = sys.argv[8:]
    init = heard_init(interface, int(port))
    with open(path, 'wb') as out:
        out.write(init)
    crowd = Crowd(init)
    begin = time.monotonic()
    count = 0
    while (now := time.monotonic() - begin) < float(seconds):
        if count >= now * float(rate):
            time.sleep(0.001)
            continue
        kind = KINDS[count % len(KINDS)]
        # Each kind comes from the peer's address and from others.
        turn = count // len(KINDS)
        source = peer if turn % 2 else sources[turn // 2 % len(sources)]
        count += 1
        sock = connect(source, (target, int(port)))
        if sock:
            crowd.add(sock, kind)
    print('connections', count, crowd.report())


if __name__ == '__main__':
    main()
