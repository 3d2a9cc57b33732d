#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""oddities.py INTERFACE MAC VIP PORT COUNT PER-SECOND: packets that no session needs, inside of sessions.

Each client `ADDRESS:PORT` on standard input gets COUNT of each kind, in its own name: fragments, with IP
options, with either checksum wrong, lengths that are none, TTL 1, and ICMP errors that quote it.  Prints
how many of each were sent.
"""
import collections
import itertools
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
ETH_P_IP, TCP, ICMP = 0x0800, 6, 1
ACK, RST = 0x10, 0x04
DONT, MORE = 0x4000, 0x2000
ROUTER_ALERT = bytes((148, 4, 0, 0))
UNREACHABLE, EXCEEDED, TOO_BIG = (3, 3, 0), (11, 0, 0), (3, 4, 1300)


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def datagram(source, target, protocol, payload, **odd):
    """An IPv4 packet, right but for what `odd` says."""
    options = odd.get('options', b'')
    words = odd.get('words', 5 + len(options) // 4)
    head = struct.pack('!BBHHHBBH4s4s', 4 << 4 | words, 0, 20 + len(options) + len(payload), 4711,
                       odd.get('fragment', DONT), odd.get('ttl', 64), protocol, 0, source, target)
    value = checksum(head + options) ^ odd.get('spoil', 0)
    return head[:10] + struct.pack('!H', value) + head[12:] + options + payload


def segment(source, target, ports, flags=ACK, **odd):
    """A TCP segment far left of any window: whoever gets it has nothing to do but to say so."""
    tcp = struct.pack('!HHIIBBHHH', *ports, 1, 1, odd.get('words', 5) << 4, flags, 64000, 0, 0)
    pseudo = source + target + struct.pack('!BBH', 0, TCP, len(tcp))
    value = checksum(pseudo + tcp) ^ odd.get('spoil', 0)
    return tcp[:16] + struct.pack('!H', value) + tcp[18:]


def icmp_error(client, vip, ports, error):
    """About a packet that went from the VIP to the client."""
    kind, code, value = error
    quoted = datagram(vip, client, TCP, segment(vip, client, ports[::-1])[:8])
    body = struct.pack('!BBHI', kind, code, 0, value) + quoted
    body = body[:2] + struct.pack('!H', checksum(body)) + body[4:]
    return datagram(client, vip, ICMP, body)


def kinds(client, vip, ports):
    plain = segment(client, vip, ports)

    def odd(payload, **how):
        return datagram(client, vip, TCP, payload, **how)

    return {
        'first-fragment': odd(plain, fragment=MORE),
        'last-fragment': odd(plain, fragment=100),
        'options': odd(plain, options=ROUTER_ALERT),
        'ip-checksum': odd(plain, spoil=0x5555),
        'tcp-checksum': odd(segment(client, vip, ports, RST, spoil=0x5555)),
        'short-header': odd(plain, words=4),
        'long-header': odd(segment(client, vip, ports, words=15)),
        'short-segment': odd(plain[:12]),
        'ttl': odd(plain, ttl=1),
        'unreachable': icmp_error(client, vip, ports, UNREACHABLE),
        'exceeded': icmp_error(client, vip, ports, EXCEEDED),
        'too-big': icmp_error(client, vip, ports, TOO_BIG),
    }


def clients(lines):
    for line in lines:
        address, port = line.strip().rsplit(':', 1)
        yield socket.inet_aton(address), int(port)


def main():
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    interface, mac, vip, port, count, rate = sys.argv[1:]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    to = (interface, ETH_P_IP, 0, 0, bytes.fromhex(mac.replace(':', '')))
    everybody = list(clients(sys.stdin))
    sent = collections.Counter()
    begun = time.monotonic()
    for _, (client, own) in itertools.product(range(int(count)), everybody):
        for kind, packet in kinds(client, socket.inet_aton(vip), (own, int(port))).items():
            while sum(sent.values()) > (time.monotonic() - begun) * float(rate):
                time.sleep(0.001)
            wire.sendto(packet, to)
            sent[kind] += 1
    print(' '.join('%s %d' % pair for pair in sent.items()))


if __name__ == '__main__':
    main()
