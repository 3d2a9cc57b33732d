#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""knock.py ADDRESS FIRST-SOURCE SOURCES EVERY-MS PORT...: each of so many consecutive addresses, one
every EVERY-MS, connects to each PORT, asks `chat serve` there for its name, and leaves.  Prints a line
each: source, port, name.  Exit status 1 when one had no answer in 15 s."""
import ipaddress
import socket
import sys
import time


def ask(source, address, port):
    with socket.socket() as sock:
        sock.settimeout(15)
        sock.bind((source, 0))
        sock.connect((address, port))
        sock.sendall(b'who\n')
        return sock.recv(128).decode().split()[0]


def main():
    address, first, count, every = sys.argv[1:5]
    for number in range(int(count)):
        source = str(ipaddress.ip_address(first) + number)
        for port in sys.argv[5:]:
            try:
                print(source, port, ask(source, address, int(port)), flush=True)
            except (OSError, IndexError) as error:
                sys.exit('%s to port %s: %s' % (source, port, error))
        time.sleep(int(every) / 1000)


main()
