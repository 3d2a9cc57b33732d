#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""nameserver.py ADDRESS FILE: a name server of bad manners, over UDP and TCP.

The word in FILE, read at each question, is how it answers:
garbage, short, loop (a name that points to itself), alias (two names that are each other's),
many (a thousand addresses, over TCP), dribble (the same, a byte at a time), flood (without end).
"""
import os
import select
import socket
import struct
import sys
import threading
import time

ROOT = b'\xc0\x0c'  # a pointer to the question's name


def header(question, answers, flags=0x8180):
    return question[:2] + struct.pack('>HHHHH', flags, 1, answers, 0, 0)


def record(kind, data, name=ROOT):
    return name + struct.pack('>HHIH', kind, 1, 60, len(data)) + data


def many(question):
    kind = struct.unpack('>H', question[-4:-2])[0]
    data = [b'\x0a\x09' + struct.pack('>H', i) if kind == 1 else b'\x20\x01' + bytes(12) + struct.pack('>H', i)
            for i in range(1000)]
    return header(question, 1000) + question[12:] + b''.join(record(kind, d) for d in data)


def alias(question):
    there = 12 + len(question[12:]) + 12  # where the first record's data stand
    first = record(5, b'\x05other' + ROOT)
    return header(question, 2) + question[12:] + first + record(5, ROOT, struct.pack('>H', 0xc000 | there))


def loop(question):
    here = struct.pack('>H', 0xc000 | len(question))
    return header(question, 1) + question[12:] + record(1, bytes(4), here)


def answers(manner, question):
    """The packets of UDP."""
    if manner == 'garbage':
        return [os.urandom(500)]
    if manner == 'short':
        return [b'\x00']
    if manner in ('many', 'dribble'):
        return [header(question, 0, 0x8380) + question[12:]]  # truncated: ask by TCP
    return [{'loop': loop, 'alias': alias}[manner](question)]


def flood(server, client):
    """For somewhat longer than a round; each of them looks like an answer, but to another question."""
    until = time.monotonic() + 2
    while time.monotonic() < until:
        for i in range(1000):
            server.sendto(struct.pack('>H', i) + bytes(300), client)


def serve_tcp(connection, manner):
    connection.settimeout(10)
    try:
        while True:
            size = struct.unpack('>H', connection.recv(2, socket.MSG_WAITALL))[0]
            answer = many(connection.recv(size, socket.MSG_WAITALL))
            answer = struct.pack('>H', len(answer)) + answer
            for i in range(0, len(answer), 1 if manner == 'dribble' else len(answer)):
                connection.sendall(answer[i:i + 1] if manner == 'dribble' else answer)
                if manner == 'dribble':
                    time.sleep(0.05)
    except (OSError, struct.error):
        connection.close()


def main():
    address, path = sys.argv[1:]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, 53))
    tcp = socket.create_server((address, 53))
    print('ready', flush=True)
    while True:
        for ready in select.select([udp, tcp], [], [])[0]:
            with open(path, encoding='ascii') as file:
                manner = file.read().strip()
            if ready is tcp:
                threading.Thread(target=serve_tcp, args=(tcp.accept()[0], manner), daemon=True).start()
                continue
            question, client = udp.recvfrom(512)
            if manner == 'flood':
                threading.Thread(target=flood, args=(udp, client), daemon=True).start()
                continue
            for answer in answers(manner, question):
                udp.sendto(answer, client)


if __name__ == '__main__':
    main()
