#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""supervisor.py LAB NODE BUILD-DIR ARGUMENT...: starts the daemons of a node and watches them.

As systemd does: what they log comes to it through pipes, and they tell a socket of its own when they
are ready and that they live.  What they tell is printed; their PIDs are in LAB/pid, their logs in
LAB/log.  It ends with the last of them.
"""
import os
import selectors
import socket
import subprocess
import sys

DAEMONS = ('lbd', 'syncd', 'vrrpd')


def notify_socket(path):
    if os.path.exists(path):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    return sock


def start(lab, name, command):
    """The pipe from which its log is read."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    with open('%s/pid/%s' % (lab, name), 'w', encoding='ascii') as out:
        out.write('%d\n' % child.pid)
    return child.stderr


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    lab, node, build, *arguments = sys.argv[1:]
    told = notify_socket('%s/%s/notify' % (lab, node))
    os.environ.update(NOTIFY_SOCKET='%s/%s/notify' % (lab, node), WATCHDOG_USEC='10000000')
    poll = selectors.DefaultSelector()
    poll.register(told, selectors.EVENT_READ)
    logs = {}
    for daemon in DAEMONS:
        name = '%s-%s' % (node, daemon)
        pipe = start(lab, name, ['%s/%s' % (build, daemon), *arguments])
        logs[pipe] = open('%s/log/%s.log' % (lab, name), 'ab', buffering=0)
        poll.register(pipe, selectors.EVENT_READ)
    while logs:
        for key, _ in poll.select():
            if key.fileobj is told:
                print(told.recv(4096).decode().replace('\n', ' '), flush=True)
                continue
            data = os.read(key.fd, 65536)
            logs[key.fileobj].write(data)
            if not data:
                poll.unregister(key.fileobj)
                logs.pop(key.fileobj).close()


if __name__ == '__main__':
    main()
