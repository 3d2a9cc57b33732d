#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the fuzzers keep, said to daemons that run.

malformed.py control SOCKET FILE...                     to a control socket
malformed.py channel ADDRESS PORT SOURCE FILE...        as openings of a channel
malformed.py adverts INTERFACE SOURCE VRID FILE...      as packets, and as messages of that source; then a
                                                        good advert with each of its bytes changed
malformed.py answers ADDRESS PORT FILE...               each connection is answered by the next one

Streams get each file as it is, as a frame, cut in its middle, and with a length that is no length.
Prints how much was said; `answers` prints a letter once it listens.
"""
import itertools
import os
import socket
import struct
import sys

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'interop'))
import adverts

PATIENCE_S = 0.05       # for an answer: none is due
ALL_NODES = '224.0.0.18'
GROUP_MAC = bytes.fromhex('01005e000012')


def read(paths):
    found = []
    for path in paths:
        with open(path, 'rb') as data:
            found.append(data.read())
    return found


def said_in_streams(files):
    for data in files:
        yield data
        yield struct.pack('<I', len(data)) + data
        yield struct.pack('<I', len(data)) + data[:len(data) // 2]
        yield b'\xff\xff\xff\xff' + data
        # As the opening of a channel has it: kind, version, length, and a tag before the rest.
        yield b'\x01\x02' + struct.pack('<H', len(data) & 0xffff) + bytes(16) + data


def tell(make, files):
    count = 0
    for data in said_in_streams(files):
        sock = make()
        sock.settimeout(PATIENCE_S)
        try:
            sock.sendall(data)
            sock.recv(4096)
        except OSError:
            pass        # refused, or waited for more: either is right
        sock.close()
        count += 1
    print(count)


def control(path, *files):
    def connect():
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        return sock
    tell(connect, read(files))


def channel(address, port, source, *files):
    def connect():
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        sock.bind((source, 0))
        sock.settimeout(5)
        sock.connect((address, int(port)))
        return sock
    tell(connect, read(files))


def packets(source, vrid, files):
    for data in files:
        if data[:1] and data[0] >> 4 == 4:
            yield data
            yield adverts.packet(source, ALL_NODES, data[20:])
        else:
            yield adverts.packet(source, ALL_NODES, data)
    good = adverts.packet(source, ALL_NODES, adverts.message(source, ALL_NODES, vrid))
    for place, change in itertools.product(range(20, len(good)), (0x01, 0x80, 0xff)):
        yield good[:place] + bytes([good[place] ^ change]) + good[place + 1:]


def say_adverts(interface, source, vrid, *files):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(adverts.ETH_P_IP))
    count = 0
    for data in packets(source, int(vrid), read(files)):
        sock.sendto(data, (interface, adverts.ETH_P_IP, 0, 0, GROUP_MAC))
        count += 1
    print(count)


def answers(address, port, *files):
    listener = socket.create_server((address, int(port)), backlog=64)
    print('r', end='', flush=True)
    for data in itertools.cycle(read(files)):
        sock, _ = listener.accept()
        sock.settimeout(1)
        try:
            sock.recv(4096)
            sock.sendall(data)
            sock.recv(4096)
        except OSError:
            pass
        sock.close()


def main():
    deeds = {'control': control, 'channel': channel, 'adverts': say_adverts, 'answers': answers}
    if len(sys.argv) < 4 or sys.argv[1] not in deeds:
        sys.exit(__doc__)
    deeds[sys.argv[1]](*sys.argv[2:])


if __name__ == '__main__':
    main()
