#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sample.py PAIRCTL LAB SECONDS: what a pair holds, again and again until SIGTERM.

A line of JSON a sample: {"t", "pids": {"lb1-lbd": pid, ...}, "roles": {"lb1": role, ...},
"values": {"lb1-lbd memory_kb": number, ...}}.  What could not be read is not in it.
"""
import glob
import json
import os
import signal
import subprocess
import sys
import time

DAEMONS = ('lbd', 'syncd', 'vrrpd')
RECORD, RECORDS = 104, 1 << 20      # of syncd's log: a ring that is asked for once and fills slowly


def read(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            return file.read()
    except OSError:
        return ''


def size_kb(*patterns):
    total = 0
    for pattern in patterns:
        for path in glob.glob(pattern, recursive=True):
            try:
                total += os.stat(path).st_size
            except OSError:
                pass
    return round(total / 1024, 1)


def maps_kb(pid):
    """What the kernel holds for the BPF maps that a process has open."""
    sizes = {}
    for path in glob.glob('/proc/%d/fdinfo/*' % pid):
        fields = dict(line.split(':', 1) for line in read(path).splitlines() if ':' in line)
        if 'map_id' in fields:
            sizes[fields['map_id']] = int(fields.get('memlock', 0))
    return sum(sizes.values()) // 1024


def process(pid):
    """Its own pages, without those of files; descriptors; threads."""
    status = dict(line.split(':', 1) for line in read('/proc/%d/status' % pid).splitlines())
    if 'RssAnon' not in status:
        return {}
    return {'memory_kb': int(status['RssAnon'].split()[0]), 'threads': int(status['Threads']),
            'descriptors': len(os.listdir('/proc/%d/fd' % pid))}


class Pair:
    def __init__(self, pairctl, lab):
        self.pairctl, self.lab = pairctl, lab
        self.heads = {}     # pid of a syncd -> the highest position of its own log

    def status(self, node):
        try:
            answer = subprocess.run([self.pairctl, '--run-dir', '%s/%s/run' % (self.lab, node), '-j',
                                     'status'], timeout=5, capture_output=True, check=False).stdout
            return json.loads(answer)
        except (subprocess.TimeoutExpired, ValueError):
            return {}

    def without_log(self, pid, memory_kb, sync):
        """The ring's pages that were ever written to are no growth: they were asked for before.  Who
        follows (and acknowledges to nobody) tells the leader's position, and has no log."""
        head = sync.get('head_seq', 0) if 'acked_seq' in sync else 0
        self.heads[pid] = max(head, self.heads.get(pid, 0))
        return memory_kb - min(self.heads[pid], RECORDS) * RECORD // 1024

    def node(self, node, sample):
        values, status = sample['values'], self.status(node)
        lbd, sync = status.get('lbd', {}), status.get('sync', {})
        sample['roles'][node] = status.get('vrrp', {}).get('role', '')
        for daemon in DAEMONS:
            name = '%s-%s' % (node, daemon)
            pid = int(read('%s/pid/%s' % (self.lab, name)) or 0)
            found = process(pid)
            if not found:
                continue
            sample['pids'][name] = pid
            if daemon == 'syncd':
                found['memory_kb'] = self.without_log(pid, found['memory_kb'], sync)
            if daemon == 'lbd':
                found['maps_kb'] = maps_kb(pid)
                self.children(pid, name, values)
            found['log_kb'] = size_kb('%s/log/%s.log' % (self.lab, name))
            values.update(('%s %s' % (name, key), value) for key, value in found.items())
        values[node + ' files_kb'] = size_kb(*('%s/%s/%s/**' % (self.lab, node, place)
                                               for place in ('run', 'state')))
        for key, value in (('flows', lbd.get('flows')), ('pins', lbd.get('pins')),
                           ('lag_ms', sync.get('lag_ms'))):
            if value is not None:
                values['%s %s' % (node, key)] = value

    @staticmethod
    def children(pid, name, values):
        """The process of lbd that speaks with members."""
        for child in read('/proc/%d/task/%d/children' % (pid, pid)).split():
            values.update(('%s-check %s' % (name, key), value)
                          for key, value in process(int(child)).items())


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pair, pause = Pair(*sys.argv[1:3]), float(sys.argv[3])
    while True:
        begun = time.monotonic()
        sample = {'t': round(time.time() * 1000), 'pids': {}, 'roles': {}, 'values': {}}
        for node in ('lb1', 'lb2'):
            pair.node(node, sample)
        print(json.dumps(sample), flush=True)
        time.sleep(max(0.1, pause - (time.monotonic() - begun)))


if __name__ == '__main__':
    main()
