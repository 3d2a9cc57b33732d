#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""claim.py INTERFACE ADDRESS [MAC [TIMES [EVERY-MS]]]: says to everybody on the wire that ADDRESS is
at MAC (default: the interface's), in the words of a host that has just got it: ARP, or a neighbour
advertisement for an IPv6 address.  FORM=reply: ARP in the form of an answer."""
import os
import socket
import struct
import sys
import time

BROADCAST = b'\xff' * 6
ALL_NODES = socket.inet_pton(socket.AF_INET6, 'ff02::1')


def arp(mac, address):
    form = 2 if os.environ.get('FORM') == 'reply' else 1
    ip = socket.inet_aton(address)
    return BROADCAST + mac + struct.pack('!HHHBBH', 0x0806, 1, 0x0800, 6, 4, form) + \
        mac + ip + (BROADCAST if form == 2 else bytes(6)) + ip


def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def advertisement(mac, address):
    ip = socket.inet_pton(socket.AF_INET6, address)
    rest = struct.pack('!I', 0x20000000) + ip + b'\x02\x01' + mac
    size = 4 + len(rest)
    total = checksum(ip + ALL_NODES + struct.pack('!II', size, 58) + b'\x88\x00\x00\x00' + rest)
    return b'\x33\x33\x00\x00\x00\x01' + mac + struct.pack('!HIHBB', 0x86dd, 0x60000000, size, 58, 255) + \
        ip + ALL_NODES + struct.pack('!BBH', 136, 0, total) + rest


def main():
    interface, address = sys.argv[1:3]
    times, every = (int(word) for word in (sys.argv[4:] + ['1', '0'][len(sys.argv[4:]):]))
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    mac = bytes.fromhex(sys.argv[3].replace(':', '')) if len(sys.argv) > 3 else wire.getsockname()[4]
    frame = advertisement(mac, address) if ':' in address else arp(mac, address)
    for _ in range(times):
        wire.send(frame)
        time.sleep(every / 1000)


main()
