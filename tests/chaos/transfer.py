#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A transfer by TLS that goes on as long as it is let, checked block by block.

transfer.py serve NAME ADDRESS PORT CERTIFICATE KEY
transfer.py fetch ADDRESS PORT CONNECTIONS FIRST-SOURCE CERTIFICATE

`serve` says its name and answers each number with the block of that number.  `fetch` asks each of its
connections for a block ten times a second and knows what must be in it.  It prints a line of JSON for
each event: `open`, `stall` when a block took more than 100 ms, `corrupt`, `lost`; and `total` at the
end, which SIGTERM brings.
"""
import hashlib
import ipaddress
import json
import signal
import socket
import ssl
import sys
import threading
import time

BLOCK = 32768
EVERY_S = 0.1
STALL_S = 0.1
MUTE_S = 15
END_S = 10          # so long a block that is under way is waited for at the end


def block(number):
    return hashlib.shake_256(b'%d' % number).digest(BLOCK)


# --- the server ---------------------------------------------------------------------------------

def answer(context, connection, name):
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(name.encode() + b'\n')
            for line in tls.makefile('rb'):
                tls.sendall(block(int(line)))
    except (OSError, ValueError):
        pass        # who has left, or speaks something else: the client tells what was lost


def serve(name, address, port, certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server((address, int(port))) as listener:
        while True:
            connection = listener.accept()[0]
            threading.Thread(target=answer, args=(context, connection, name), daemon=True).start()


# --- the clients --------------------------------------------------------------------------------

telling = threading.Lock()


def tell(event, **more):
    line = json.dumps({'t': round(time.time() * 1000), 'event': event, **more})
    with telling:
        print(line, flush=True)


class Transfer(threading.Thread):
    def __init__(self, session, target, source, context, ending):
        super().__init__(daemon=True)
        self.session, self.target, self.source = session, target, source
        self.context, self.ending = context, ending
        self.member, self.blocks = '', 0

    def lose(self, why):
        tell('lost', session=self.session, member=self.member, why=str(why))

    def fetch(self, tls, stream):
        """One block, whatever becomes of it; false when there is no more to come."""
        begun = time.monotonic()
        tls.sendall(b'%d\n' % self.blocks)
        data = stream.read(BLOCK)
        took = time.monotonic() - begun
        if took > STALL_S:
            tell('stall', session=self.session, ms=round(took * 1000, 1))
        if len(data) < BLOCK:
            self.lose('the stream has ended')
        elif data != block(self.blocks):
            tell('corrupt', session=self.session, member=self.member, block=self.blocks)
        self.blocks += 1
        return len(data) == BLOCK

    def run(self):
        try:
            with socket.create_connection(self.target, MUTE_S, (self.source, 0)) as connection, \
                    self.context.wrap_socket(connection) as tls, tls.makefile('rb') as stream:
                self.member = stream.readline().decode().strip()
                tell('open', session=self.session, member=self.member)
                while self.fetch(tls, stream) and not self.ending.wait(EVERY_S):
                    pass
        except OSError as why:
            self.lose(why)


def fetch(address, port, connections, first, certificate):
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    sources = [str(ipaddress.ip_address(first) + number) for number in range(int(connections))]
    transfers = [Transfer(session, (address, int(port)), source, context, ending)
                 for session, source in enumerate(sources)]
    for transfer in transfers:
        transfer.start()
    ending.wait()
    until = time.monotonic() + END_S
    for transfer in transfers:
        transfer.join(max(until - time.monotonic(), 0))
        if transfer.is_alive():
            transfer.lose('no answer at the end')
    tell('total', sessions=len(transfers), blocks=sum(transfer.blocks for transfer in transfers))


def main():
    if len(sys.argv) == 7 and sys.argv[1] == 'serve':
        serve(*sys.argv[2:])
    elif len(sys.argv) == 7 and sys.argv[1] == 'fetch':
        fetch(*sys.argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main()
