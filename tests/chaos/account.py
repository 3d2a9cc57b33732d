#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""account.py PAIRCTL RUN-DIR BPF-DIR: what a node has counted of its frames, as a line of JSON.

Runs in the node's namespace.  The data plane's counters are read between two readings of what the
kernel itself counted around the program, so that frames may come meanwhile; of three such readings the
one with the fewest frames is told.  `plane` changes when the counters began anew.
"""
import json
import os
import re
import subprocess
import sys
import time

# What the kernel counts in a veth whose receiving end has a native XDP program.
KERNEL = {'rx_xdp_packets': 'seen', 'rx_xdp_redirect': 'redirected', 'rx_xdp_drops': 'dropped',
          'rx_drops': 'failed', 'tx_xdp_xmit': 'sent', 'tx_xdp_xmit_errors': 'refused'}
PATIENCE_S = 10     # a busy machine may keep lbd from answering for a while


def said_by(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                          text=True).stdout


def kernel(interfaces):
    """The sums over all queues of the interfaces that have the program."""
    sums = dict.fromkeys(KERNEL.values(), 0)
    for interface in interfaces:
        said = said_by('ethtool', '-S', interface)
        for way, name, value in re.findall(r'(rx|tx)_queue_\d+_(\w+): (\d+)', said):
            if '%s_%s' % (way, name) in KERNEL:
                sums[KERNEL['%s_%s' % (way, name)]] += int(value)
    return sums


def program(pairctl, run_dir):
    """What lbd says of the data plane; that status finds a problem does not matter here."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        answer = subprocess.run((pairctl, '--run-dir', run_dir, '-j', 'status'), check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lbd = json.loads(answer.stdout).get('lbd')
        if lbd:
            return lbd
    sys.exit('lbd does not answer')


def interfaces_of(lbd):
    return [one['name'] for one in lbd['interface'] if one['xdp'] == 'native']


def reading(pairctl, run_dir, interfaces):
    before = kernel(interfaces)
    counters = program(pairctl, run_dir)['counter']
    after = kernel(interfaces)
    return {'before': before, 'after': after,
            'counted': {one['name']: int(one['value']) for one in counters}}


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    pairctl, run_dir, bpf_dir = sys.argv[1:]
    interfaces = interfaces_of(program(pairctl, run_dir))
    readings = [reading(pairctl, run_dir, interfaces) for _ in range(3)]
    best = min(readings, key=lambda one: one['after']['seen'] - one['before']['seen'])
    print(json.dumps({'t': round(time.time() * 1000), 'interfaces': interfaces,
                      'plane': os.stat(bpf_dir + '/counters').st_ino, **best}))


if __name__ == '__main__':
    main()
