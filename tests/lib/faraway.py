#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
#
#	faraway.py INTERFACE ROUTER-MAC SOURCE VIP PORT COUNT DELAY-MS
#
# Connections of a client that is far away: each SYN-ACK is acknowledged so much later.  From an
# address that this machine does not have, so that its kernel says nothing.

import socket
import struct
import sys
import time

interface, mac, source, vip, port, count, delay = sys.argv[1:]
SYN, RST, ACK = 2, 4, 16
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
wire.bind((interface, 0x0800))
wire.settimeout(5)


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def send(own_port, flags, seq, ack):
    ends = socket.inet_aton(source) + socket.inet_aton(vip)
    tcp = struct.pack('!HHIIBBHHH', own_port, int(port), seq, ack, 5 << 4, flags, 65535, 0, 0)
    check = checksum(ends + struct.pack('!HH', 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack('!H', check) + tcp[18:]
    ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ends
    ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
    wire.sendto(ip + tcp, (interface, 0x0800, 0, 0, bytes.fromhex(mac.replace(':', ''))))


def syn_ack(own_port):
    """SEQ of the SYN-ACK that came."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        packet = wire.recv(2048)
        if len(packet) < 40 or packet[9] != 6 or packet[16:20] != socket.inet_aton(source):
            continue
        head = (packet[0] & 15) * 4
        to, seq, flags = struct.unpack('!2xHI5xB', packet[head:head + 14])
        if to == own_port and flags & SYN:
            return seq
    sys.exit(f'no answer to port {own_port}')


for own_port in range(20000, 20000 + int(count)):
    send(own_port, SYN, 1000, 0)
    seq = syn_ack(own_port)
    time.sleep(int(delay) / 1000)
    send(own_port, ACK, 1001, seq + 1)
    send(own_port, RST, 1001, 0)
