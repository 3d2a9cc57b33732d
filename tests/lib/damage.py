#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""damage.py BPF-DIR LOST GHOSTS OTHERS: spoils the flow table that is pinned there, so many entries
each: taken out, put in with a port that nobody has, given another member.  Prints how many."""
import json
import subprocess
import sys

CLIENT_PORT = 32  # offset in struct flow_key, two bytes
MEMBER = 0        # in struct flow, two bytes
STATE, FLAGS = 2, 3
FLOW_ESTABLISHED, FLOW_REPLICA = 1, 4


def bpftool(*words):
    return subprocess.run(['bpftool', '-j', 'map', *words], check=True, stdout=subprocess.PIPE).stdout


def octets(values):
    return [f'0x{value:02x}' for value in values]


def main():
    where = ['pinned', sys.argv[1] + '/flows']
    lost, ghosts, others = (int(word) for word in sys.argv[2:5])
    flows = [([int(x, 16) for x in entry['key']], [int(x, 16) for x in entry['value']])
             for entry in json.loads(bpftool('dump', *where))]
    # What has ended may be gone by itself in a moment.
    flows = [flow for flow in flows
             if flow[1][FLAGS] & FLOW_REPLICA and flow[1][STATE] == FLOW_ESTABLISHED]
    if len(flows) < lost + ghosts + others:
        sys.exit(f'damage.py: only {len(flows)} entries')
    for key, _ in flows[:lost]:
        bpftool('delete', *where, 'key', *octets(key))
    for key, value in flows[lost:lost + ghosts]:
        ghost = key[:CLIENT_PORT] + [0, 1 + ghosts] + key[CLIENT_PORT + 2:]
        ghosts -= 1
        bpftool('update', *where, 'key', *octets(ghost), 'value', *octets(value))
    members = sorted({value[MEMBER] for _, value in flows})
    if others and len(members) < 2:
        sys.exit('damage.py: all flows have one member')
    for key, value in flows[-others:] if others else []:
        value[MEMBER] = next(member for member in members if member != value[MEMBER])
        bpftool('update', *where, 'key', *octets(key), 'value', *octets(value))
    print(lost + int(sys.argv[3]) + others)


if __name__ == '__main__':
    main()
