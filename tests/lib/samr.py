#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real RPC sessions that behave as Outlook does, held by impacket against Samba through the VIP.

    samr.py ADDRESS FIRST-SOURCE SESSIONS [PROCESSES]

Each session asks the endpoint mapper for SAMR, connects to the port it is told, binds with NTLM at
packet privacy, opens a context handle and keeps it.  Then, until SIGTERM:
  - a call on the held handle every 0.3 s; the answer names the server, so a session that was moved
    to another one is seen even if the call succeeds;
  - every 2.5 s a new connection in the same association group that uses the same handle.  Another
    server refuses the group or the handle, so this proves the client's affinity.
SIGUSR1 forgets the stalls so far.  Prints one JSON object a line: open, stall (an answer took over
100 ms), lost, moved, session, total.  Exit status 1 when a session was lost or moved.
"""
import ctypes
import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import threading
import time

from impacket.dcerpc.v5 import epm, rpcrt, samr, transport

USER, PASSWORD = 'daemon', 'caspair'
MUTE = 5.0          # seconds without an answer: the session is lost
OPENING = 25.0      # the same while sessions open: many log-ons at once are slow, not broken
CALL_EVERY, CONNECT_EVERY = 0.3, 2.5
STALL_FROM = 0.1

wanted = threading.local()      # association group to ask for; the one that was granted
stopping = threading.Event()
# Of all processes.  Clients that meet Samba's workers while these start can be left without an
# answer until another client goes; one log-on after the other never meets that.
one_opens = multiprocessing.Lock()


class GroupBind(rpcrt.MSRPCBind):
    """impacket always asks for a new association group; we say which."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self['assoc_group'] = getattr(wanted, 'group', 0)


class GroupAck(rpcrt.MSRPCBindAck):
    def __init__(self, data=None):
        super().__init__(data)
        if data is not None:
            wanted.granted = self['assoc_group']


rpcrt.MSRPCBind, rpcrt.MSRPCBindAck = GroupBind, GroupAck


class SourceTransport(transport.TCPTransport):
    """TCP from a chosen source address, with a limit on silence."""

    def __init__(self, address, port, source):
        super().__init__(address, port)
        self.source, self.peer = source, (address, port)

    def connect(self):
        sock = socket.create_connection(self.peer, timeout=MUTE, source_address=(self.source, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._TCPTransport__socket = sock
        self.patience(OPENING if getattr(wanted, 'opening', False) else MUTE)
        return 1

    def patience(self, seconds):
        self._TCPTransport__socket.settimeout(seconds)

    def recv(self, forceRecv=0, count=0):
        sock, data = self._TCPTransport__socket, b''
        while not data or len(data) < count:
            part = sock.recv(count - len(data) if count else 8192)
            if not part:
                raise ConnectionError('closed by the far end')
            data += part
        return data


def say(**fields):
    line = json.dumps({'t': round(time.time() * 1000), **fields}) + '\n'
    os.write(1, line.encode())      # one write: lines of several processes never mix


class Session:
    def __init__(self, number, address, source):
        self.number, self.address, self.source = number, address, source
        self.member, self.group, self.why, self.moved = '', 0, None, False
        self.calls = self.connections = 0
        self.longest = 0.0
        self.opened = self.steady = False

    def connect(self, port, group):
        """A sealed connection to the SAMR interface, in association group `group` (0: a new one)."""
        carrier = SourceTransport(self.address, port, self.source)
        carrier.set_credentials(USER, PASSWORD)
        dce = rpcrt.DCERPC_v5(carrier)
        dce.set_credentials(*carrier.get_credentials())
        dce.set_auth_type(rpcrt.RPC_C_AUTHN_WINNT)
        dce.set_auth_level(rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
        dce.connect()
        wanted.group = group
        dce.bind(samr.MSRPC_UUID_SAMR)
        self.group = wanted.granted
        return dce

    def port(self):
        carrier = SourceTransport(self.address, 135, self.source)
        dce = rpcrt.DCERPC_v5(carrier)
        dce.connect()
        wanted.group = 0
        binding = epm.hept_map(self.address, samr.MSRPC_UUID_SAMR, protocol='ncacn_ip_tcp', dce=dce)
        dce.disconnect()
        return int(binding.split('[')[1].rstrip(']'))

    def call(self, dce):
        """A call on the held handle; its answer holds the server's own name."""
        start = time.monotonic()
        answer = samr.hSamrEnumerateDomainsInSamServer(dce, self.handle)
        self.note_time(time.monotonic() - start)
        names = [entry['Name'] for entry in answer['Buffer']['Buffer']]
        self.note_member(next(name for name in names if name != 'Builtin'))
        self.calls += 1

    def note_time(self, took):
        if not self.steady:
            return      # opening many at once is slow by nature and no stall
        self.longest = max(self.longest, took)
        if took > STALL_FROM:
            say(event='stall', session=self.number, ms=round(took * 1000, 1))

    def note_member(self, member):
        self.member = self.member or member
        if member != self.member and not self.moved:
            self.moved = True
            say(event='moved', session=self.number, to=member, **{'from': self.member})

    def open(self):
        wanted.opening = True
        self.to_port = self.port()
        self.dce = self.connect(self.to_port, 0)
        self.first_group = self.group
        self.handle = samr.hSamrConnect(self.dce)['ServerHandle']
        self.call(self.dce)
        wanted.opening = False
        self.dce.get_rpc_transport().patience(MUTE)
        self.opened = True

    def second_connection(self):
        """What only the same server accepts: its association group and its handle."""
        try:
            start = time.monotonic()
            dce = self.connect(self.to_port, self.first_group)
            self.note_time(time.monotonic() - start)
            self.call(dce)
            dce.disconnect()
            self.connections += 1
        except (rpcrt.DCERPCException, ConnectionRefusedError) as fault:
            # Refused: nobody listens there, so it is not the server that named this port.
            self.moved = True
            say(event='moved', session=self.number, to='?', why=str(fault),
                **{'from': self.member})
            raise

    def hold(self, all_open):
        all_open.wait()
        self.steady = True
        next_connect = time.monotonic() + random.uniform(0, CONNECT_EVERY)
        while not stopping.wait(CALL_EVERY * random.uniform(0.8, 1.2)):
            self.call(self.dce)
            if time.monotonic() >= next_connect:
                self.second_connection()
                next_connect += CONNECT_EVERY

    def run(self, all_open):
        try:
            try:
                with one_opens:
                    self.open()
            except Exception:
                all_open.abort()
                raise
            say(event='open', session=self.number, member=self.member, port=self.to_port)
            self.hold(all_open)
        except threading.BrokenBarrierError:
            self.why = 'another session did not open'
        except Exception as error:      # whatever it is, this session did not survive it
            self.why = '%s: %s' % (type(error).__name__, error)
            say(event='lost', session=self.number, member=self.member, why=self.why)

    def summary(self):
        return {'event': 'session', 'session': self.number, 'member': self.member,
                'lost': self.why is not None or not self.opened, 'moved': self.moved,
                'calls': self.calls, 'connections': self.connections,
                'longest_stall_ms': round(self.longest * 1000, 1)}


def hold_some(address, sources):
    """One process: a thread a session.  Threads alone would measure Python's lock, not the path."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)      # die with the parent
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    sessions = [Session(number, address, source) for number, source in sources]

    def forget(*_):
        for session in sessions:
            session.longest = 0.0

    signal.signal(signal.SIGUSR1, forget)
    all_open = threading.Barrier(len(sessions))
    threads = [threading.Thread(target=session.run, args=(all_open,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for session in sessions:
        say(**session.summary())
    bad = any(s.why or s.moved or not s.opened for s in sessions)
    os._exit(1 if bad else 0)


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    address, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    processes = int(sys.argv[4]) if len(sys.argv) > 4 else 4
    base = int.from_bytes(socket.inet_aton(first), 'big')
    sources = [(n, socket.inet_ntoa((base + n).to_bytes(4, 'big'))) for n in range(count)]
    children = []
    for part in range(processes):
        child = os.fork()
        if child == 0:
            hold_some(address, sources[part::processes])
        children.append(child)
    forward = lambda number, _: [os.kill(child, number) for child in children]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, forward)
    status = [os.waitpid(child, 0)[1] for child in children]
    say(event='total', sessions=count)
    sys.exit(1 if any(status) else 0)


if __name__ == '__main__':
    main()
