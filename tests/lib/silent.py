#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Clients that say one line and then wait in a read, as a mail client does; one in ten goes on talking.

    silent.py VIP FIRST-SOURCE SOURCES PORT,PORT MEMBER SESSIONS OTHERS [PER-SECOND]

SESSIONS connections to the member and OTHERS to every other one, over all sources that the balancer
sends there and both ports of an affinity group, opened not faster than PER-SECOND.  Who is reset comes back at once from the same
source.  Lines of JSON: `open`, then `reset` each 100 ms in which there were some, and `total` at
SIGTERM; times are of the wall clock, in ms.
"""
import collections
import errno
import ipaddress
import json
import resource
import selectors
import signal
import socket
import sys
import time

TALK_EVERY = 0.2


def tell(**fields):
    print(json.dumps(fields, separators=(",", ":")), flush=True)


class Session:
    def __init__(self, client, source, port):
        self.client, self.source, self.port = client, source, port
        self.member, self.born = None, 0
        self.resets = 0

    def open(self):
        self.sock = socket.socket(self.client.family)
        self.sock.bind((self.source, 0))
        self.sock.setblocking(False)
        self.sock.connect_ex((self.client.vip, self.port))
        self.client.poll.register(self.sock, selectors.EVENT_WRITE, self)
        self.told = False
        self.member = None

    def event(self, mask):
        try:
            if not self.told:
                self.sock.send(b"0 0\n")
                self.told = True
                self.client.poll.modify(self.sock, selectors.EVENT_READ, self)
                return
            data = self.sock.recv(4096)
            if not data:
                raise ConnectionError(errno.EPIPE, "closed")
            if self.member is None:
                self.member = data.split()[0].decode()
                self.client.opened(self)
        except BlockingIOError:
            pass
        except OSError as error:
            self.failed(error.errno)

    def failed(self, number):
        self.client.poll.unregister(self.sock)
        self.sock.close()
        self.client.ended(self, number)

    def talk(self):
        try:
            self.sock.send(b"0 1\n")
        except BlockingIOError:
            pass
        except OSError as error:  # told only once
            self.failed(error.errno)


class Client:
    def __init__(self, vip):
        self.vip = vip
        self.family = socket.AF_INET6 if ":" in vip else socket.AF_INET
        self.poll = selectors.DefaultSelector()
        self.sessions, self.waiting = [], 0
        self.ends = collections.Counter()
        self.times = []
        self.tick, self.fresh = 0, 0
        self.running = True

    def start(self, source, port):
        session = Session(self, source, port)
        self.sessions.append(session)
        self.waiting += 1
        session.open()
        return session

    def opened(self, session):
        self.waiting -= 1

    def ended(self, session, number):
        name = errno.errorcode.get(number, str(number))
        if session.member is None:  # before it had begun: try again
            self.ends["failed " + name] += 1
        else:
            self.ends[f"{session.member} {name}"] += 1
            self.waiting += 1
            session.resets += 1
            self.times.append(time.time() * 1000)
            self.fresh += 1
        session.open()

    def run(self, seconds):
        for key, mask in self.poll.select(seconds):
            key.data.event(mask)

    def settle(self):
        while self.waiting and self.running:
            self.run(0.1)

    def chatter(self):
        now = time.monotonic()
        if now < self.tick:
            return
        self.tick = now + TALK_EVERY
        for session in self.sessions[::10]:
            if session.member:
                session.talk()
        if self.fresh:
            tell(t=time.time() * 1000, event="reset", count=self.fresh)
            self.fresh = 0

    def members(self):
        return collections.Counter(s.member for s in self.sessions)

    def torn(self):
        """Sources that are at more than one member."""
        at = collections.defaultdict(set)
        for session in self.sessions:
            at[session.source].add(session.member)
        return sum(len(members) > 1 for members in at.values())


def fill(client, sources, ports, member, count, others, per_second):
    scouts = [client.start(source, ports[0]) for source in sources]
    client.settle()
    homes = collections.defaultdict(list)
    begun, started = time.monotonic(), 0
    for scout in scouts:
        homes[scout.member].append(scout.source)
    for name, places in homes.items():
        for i in range((count if name == member else others) - len(places)):
            client.start(places[i % len(places)], ports[(i // len(places) + 1) % len(ports)])
            started += 1
            while client.waiting > 200 or started > (time.monotonic() - begun) * per_second:
                client.run(0.01)
    client.settle()


def main():
    vip, first, sources, ports, member, count, others = sys.argv[1:8]
    per_second = int(sys.argv[8]) if len(sys.argv) > 8 else 100000
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    client = Client(vip)
    signal.signal(signal.SIGTERM, lambda *_: setattr(client, "running", False))
    start = int(ipaddress.ip_address(first))
    sources = [str(ipaddress.ip_address(start + i)) for i in range(int(sources))]
    fill(client, sources, [int(p) for p in ports.split(",")], member, int(count), int(others),
         per_second)
    tell(event="open", members=client.members(), torn=client.torn())
    while client.running:
        client.run(0.05)
        client.chatter()
    times = client.times or [0]
    tell(event="total", ends=client.ends, members=client.members(), waiting=client.waiting,
         torn=client.torn(), resets=len(client.times), first=min(times), last=max(times),
         twice=sum(s.resets > 1 for s in client.sessions))


main()
