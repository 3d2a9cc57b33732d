#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What of VRRP passes the switch, and what a stranger on the LAN could send.

adverts.py watch PORT...            one JSON line an advert that enters a port, until killed
adverts.py senders PREFIX PORT...   one JSON line a frame from a MAC address that begins so
adverts.py judge ADVERT-MS          of such lines: longest time two nodes advertised side by side,
                                    in ms, and the longest time nobody did; fails beyond one advert
                                    and 20 ms of side by side
adverts.py forge INTERFACE SOURCE DESTINATION VRID RUNG [COUNT]
                                    COUNT adverts that fail on that rung of the receive ladder; of
                                    IPv6 when the addresses are
adverts.py owners INTERFACE ADDRESS the MAC addresses that answer a solicitation for an IPv6 address
adverts.py join ADDRESS             joins 224.0.0.18 on that address's interface, until killed
adverts.py join ff02::12 INTERFACE  joins that group there
"""
import json
import select
import socket
import struct
import subprocess
import sys
import time

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, PACKET_OUTGOING, VRRP = 3, 0x0800, 0x86dd, 4, 112
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35     # not in the socket module of Python 3.11
SLACK_MS = 20           # the machine has other work


def total(data):
    data += b'\0' * (len(data) % 2)
    value = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return value


def binary(address):
    return socket.inet_pton(socket.AF_INET6 if ':' in address else socket.AF_INET, address)


def pseudo(source, destination, length, protocol=VRRP):
    return binary(source) + binary(destination) + struct.pack('!BBH', 0, protocol, length)


def message(source, destination, vrid, **change):
    """A message that is right but for what `change` says."""
    addresses = change.get('addresses', ['10.20.0.10', '10.30.0.1'] if '.' in source else
                           ['fe80::200:5eff:fe00:233', '2001:db8:20::10', '2001:db8:30::1'])
    head = struct.pack('!BBBBH', change.get('version', 3) << 4 | change.get('type', 1), vrid,
                       change.get('priority', 255), change.get('count', len(addresses)),
                       change.get('interval', 10))
    body = b''.join(map(binary, addresses)) + change.get('trailer', b'')
    data = head + b'\0\0' + body
    base = pseudo(source, destination, len(data)) if change.get('pseudo', True) else b''
    value = ~total(base + data) & 0xffff ^ change.get('spoil', 0)
    return head + struct.pack('!H', value) + body


def packet(source, destination, data, ttl=255):
    if ':' in source:
        return (struct.pack('!IHBB', 0x6c000000, len(data), VRRP, ttl) + binary(source) +
                binary(destination) + data)
    head = struct.pack('!BBHHHBBH', 0x45, 0xc0, 20 + len(data), 0, 0, ttl, VRRP, 0)
    head += socket.inet_aton(source) + socket.inet_aton(destination)
    return head[:10] + struct.pack('!H', ~total(head) & 0xffff) + head[12:] + data


def forged(rung, source, destination, vrid):
    make = lambda **change: message(source, destination, vrid, **change)
    v2 = lambda **change: make(**{'version': 2, 'pseudo': False, 'interval': 1,
                                  'trailer': b'\0' * 8, **change})
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
        'padded': lambda: packet(source, destination, make(priority=1)) + b'\xa5' * 14,
        'not_link_local': lambda: packet(source, destination, make(addresses=['2001:db8::1'])),
        'bad_destination': lambda: packet(source, destination, make()),
        'v2': lambda: packet(source, destination, v2()),
        'bad_auth': lambda: packet(source, destination, v2(interval=0x0101)),
        'v2_length': lambda: packet(source, destination, v2(trailer=b'')),
        'v2_no_interval': lambda: packet(source, destination, v2(interval=0)),
        'other_interval': lambda: packet(source, destination, v2(interval=3)),
        'rfc9568': lambda: packet(source, destination, make(pseudo=False, priority=1)),
        'rfc5798': lambda: packet(source, destination, make(priority=1)),
    }
    return packets[rung]()


def neighbour(interface, address):
    """The MAC address; whoever asks has spoken to it before."""
    table = json.loads(subprocess.check_output(['ip', '-j', 'neigh', 'show', 'to', address, 'dev',
                                                interface]))
    return table[0]['lladdr']


def forge(interface, source, destination, vrid, rung, count='1'):
    kind = ETH_P_IPV6 if ':' in source else ETH_P_IP
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(kind))
    groups = {'224.0.0.18': '01005e000012', 'ff02::12': '333300000012'}
    if destination in groups:
        to = bytes.fromhex(groups[destination])
    else:
        to = bytes.fromhex(neighbour(interface, destination).replace(':', ''))
    data = forged(rung, source, destination, int(vrid))
    for _ in range(int(count)):
        sock.sendto(data, (interface, kind, 0, 0, to))


def split(data):
    """Source, destination and message of a packet with VRRP, or None."""
    if data[0] >> 4 == 6 and len(data) >= 48 and data[6] == VRRP:
        return (socket.inet_ntop(socket.AF_INET6, data[8:24]),
                socket.inet_ntop(socket.AF_INET6, data[24:40]), data[40:])
    if data[0] >> 4 == 4 and len(data) >= 28 and data[9] == VRRP:
        return (socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20]),
                data[(data[0] & 15) * 4:])
    return None


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
            if origin[1] not in (ETH_P_IP, ETH_P_IPV6) or origin[2] == PACKET_OUTGOING:
                continue
            if not split(data):
                continue
            seconds, rest = struct.unpack('qq', control[0][2])  # when the kernel had it
            source, destination, body = split(data)
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
                          'type': hex(kind), 'protocol': data[23] if kind == ETH_P_IP else
                          data[20] if kind == ETH_P_IPV6 else None}),
              flush=True)


def owners(interface, address):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IPV6))
    sock.bind((interface, ETH_P_IPV6))
    mac = sock.getsockname()[4]
    source = [line.split()[0] for line in open('/proc/net/if_inet6')
              if line.split()[3] == '20' and line.split()[5] == interface][0]
    source = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(source))
    group = 'ff02::1:ff' + binary(address)[13:].hex()[:2] + ':' + binary(address)[14:].hex()
    data = b'\x87\0\0\0\0\0\0\0' + binary(address) + b'\x01\x01' + mac
    value = ~total(pseudo(source, group, len(data), 58) + data) & 0xffff
    data = data[:2] + struct.pack('!H', value) + data[4:]
    sock.send(b'\x33\x33' + binary(group)[12:] + mac + struct.pack('!HIHBB', ETH_P_IPV6, 6 << 28,
              len(data), 58, 255) + binary(source) + binary(group) + data)
    until = time.monotonic() + 0.3
    while select.select([sock], [], [], max(0, until - time.monotonic()))[0]:
        data = sock.recv(2048)
        # Solicited: an announcement goes to everybody, also from one that lost.
        if data[20] == 58 and data[54] == 136 and data[58] & 0x40 and data[62:78] == binary(address):
            print(data[6:12].hex(':'))


def join(address, interface=None):
    if interface:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                        binary(address) + struct.pack('@I', socket.if_nametoindex(interface)))
        sock.recv(1)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                    binary('224.0.0.18') + binary(address))
    sock.recv(1)


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
    deeds = {'watch': watch, 'senders': senders, 'judge': judge, 'forge': forge, 'owners': owners,
             'join': join}
    if len(sys.argv) < 3 or sys.argv[1] not in deeds:
        sys.exit(__doc__)
    sys.exit(deeds[sys.argv[1]](*sys.argv[2:]))


if __name__ == '__main__':
    main()
