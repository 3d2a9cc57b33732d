#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What of VRRP passes the switch, and what a stranger on the LAN could send.

adverts.py watch PORT...            one JSON line an advert that enters a port, until killed
adverts.py senders PREFIX PORT...   one JSON line a frame from a MAC address that begins so
adverts.py judge ADVERT-MS          of such lines: longest time two nodes advertised side by side,
                                    in ms, and the longest time nobody did; fails beyond one advert
                                    and 20 ms of side by side
adverts.py forge INTERFACE SOURCE DESTINATION VRID RUNG [COUNT]
                                    COUNT adverts that fail on that rung of the receive ladder
"""
import json
import select
import socket
import struct
import sys

ETH_P_ALL, ETH_P_IP, PACKET_OUTGOING, VRRP = 3, 0x0800, 4, 112
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35     # not in the socket module of Python 3.11
SLACK_MS = 20           # the machine has other work


def total(data):
    data += b'\0' * (len(data) % 2)
    value = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return value


def pseudo(source, destination, length):
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(
        '!BBH', 0, VRRP, length)


def message(source, destination, vrid, **change):
    """A message of VRRPv3 that is right but for what `change` says."""
    addresses = change.get('addresses', ['10.20.0.10', '10.30.0.1'])
    head = struct.pack('!BBBBH', change.get('version', 3) << 4 | change.get('type', 1), vrid,
                       change.get('priority', 255), change.get('count', len(addresses)),
                       change.get('interval', 10))
    body = b''.join(map(socket.inet_aton, addresses))
    data = head + b'\0\0' + body
    base = pseudo(source, destination, len(data)) if change.get('pseudo', True) else b''
    value = ~total(base + data) & 0xffff ^ change.get('spoil', 0)
    return head + struct.pack('!H', value) + body


def packet(source, destination, data, ttl=255):
    head = struct.pack('!BBHHHBBH', 0x45, 0xc0, 20 + len(data), 0, 0, ttl, VRRP, 0)
    head += socket.inet_aton(source) + socket.inet_aton(destination)
    return head[:10] + struct.pack('!H', ~total(head) & 0xffff) + head[12:] + data


def forged(rung, source, destination, vrid):
    make = lambda **change: message(source, destination, vrid, **change)
    packets = {
        'short': lambda: packet(source, destination, make()[:6]),
        'bad_ttl': lambda: packet(source, destination, make(), ttl=254),
        'bad_version': lambda: packet(source, destination, make(version=4)),
        'version_2': lambda: packet(source, destination, make(version=2)),
        'bad_type': lambda: packet(source, destination, make(type=2)),
        'other_vrid': lambda: packet(source, destination,
                                     message(source, destination, vrid % 255 + 1)),
        'bad_length': lambda: packet(source, destination, make() + b'\0' * 28),
        'no_address': lambda: packet(source, destination, make(addresses=[])),
        'no_interval': lambda: packet(source, destination, make(interval=0)),
        'bad_checksum': lambda: packet(source, destination, make(spoil=0x0101)),
        'own': lambda: packet(source, destination, make()),
        'stranger': lambda: packet(source, destination, make()),
        'rfc9568': lambda: packet(source, destination, make(pseudo=False, priority=1)),
        'rfc5798': lambda: packet(source, destination, make(priority=1)),
    }
    return packets[rung]()


def forge(interface, source, destination, vrid, rung, count='1'):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    if destination == '224.0.0.18':
        to = bytes.fromhex('01005e000012')
    else:
        with open('/proc/net/arp') as table:
            to = bytes.fromhex([line.split()[3] for line in table
                                if line.split()[0] == destination][0].replace(':', ''))
    data = forged(rung, source, destination, int(vrid))
    for _ in range(int(count)):
        sock.sendto(data, (interface, ETH_P_IP, 0, 0, to))


def watch(*ports):
    socks = {}
    for port in ports:
        # A bridge takes its frames before handlers of one protocol see them.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        sock.bind((port, ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)    # storms pass here too
        socks[sock] = port
    while True:
        for sock in select.select(list(socks), [], [])[0]:
            try:
                data, control, _, origin = sock.recvmsg(2048, 64)
            except OSError:         # the port goes down: told once
                continue
            if (origin[1], origin[2] == PACKET_OUTGOING) != (ETH_P_IP, False):
                continue
            if len(data) < 28 or data[9] != VRRP:
                continue
            seconds, rest = struct.unpack('qq', control[0][2])  # when the kernel had it
            body = data[(data[0] & 15) * 4:]
            source, destination = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
            base = pseudo(source, destination, len(body))
            form = ('rfc5798' if total(base + body) == 0xffff else
                    'rfc9568' if total(body) == 0xffff else 'wrong')
            print(json.dumps({'t': seconds * 1e3 + rest / 1e6, 'port': socks[sock],
                              'source': source, 'priority': body[2], 'checksum': form}),
                  flush=True)


def senders(prefix, *ports):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    while True:
        data, control, _, origin = sock.recvmsg(2048, 64)
        source = data[6:12].hex(':')
        if origin[0] not in ports or origin[2] == PACKET_OUTGOING or not source.startswith(prefix):
            continue
        seconds, rest = struct.unpack('qq', control[0][2])
        kind = struct.unpack('!H', data[12:14])[0]
        print(json.dumps({'t': seconds * 1e3 + rest / 1e6, 'port': origin[0], 'source': source,
                          'type': hex(kind), 'protocol': data[23] if kind == ETH_P_IP else None}),
              flush=True)


def judge(advert_ms):
    """They are side by side until the last word of the one that falls silent first."""
    advert_ms = float(advert_ms)
    last, began, worst, silence, before = {}, None, 0.0, 0.0, None
    for entry in map(json.loads, sys.stdin):
        at, port = entry['t'], entry['port']
        silence = max(silence, at - before if before is not None else 0.0)
        before = at
        if entry['priority'] == 0:
            last.pop(port, None)
            continue
        last[port] = at
        last = {p: t for p, t in last.items() if at - t <= 1.5 * advert_ms}
        if len(last) < 2:
            began = None
        elif began is None:
            began = at
        else:
            worst = max(worst, min(last.values()) - began)
    print('%.1f %.1f' % (worst, silence))
    return 1 if worst > advert_ms + SLACK_MS else 0


def main():
    deeds = {'watch': watch, 'senders': senders, 'judge': judge, 'forge': forge}
    if len(sys.argv) < 3 or sys.argv[1] not in deeds:
        sys.exit(__doc__)
    sys.exit(deeds[sys.argv[1]](*sys.argv[2:]))


if __name__ == '__main__':
    main()
