#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A judge of flatness is not believed before it has seen leaks: made-up runs, each with its verdict."""
import copy
import random
import sys

import judge

HOUR = 3600000
FLAT = {'memory_kb': 3000, 'descriptors': 40, 'threads': 1, 'maps_kb': 9000, 'log_kb': 20}
NODE = {'flows': 800, 'pins': 50, 'lag_ms': 1, 'files_kb': 7000}


def run(hours=1, count=400, seed=1):
    """Noise as a healthy pair has it."""
    dice, samples = random.Random(seed), []
    for number in range(count):
        values = {}
        for name in judge.DAEMONS:
            for kind, value in FLAT.items():
                noise = {'memory_kb': 40, 'descriptors': 1}.get(kind, 0)
                values['%s %s' % (name, kind)] = value + round(dice.uniform(-noise, noise))
        for node in ('lb1', 'lb2'):
            for kind, value in NODE.items():
                values['%s %s' % (node, kind)] = value * dice.uniform(0.95, 1.05)
        samples.append({'t': round(number * hours * HOUR / count), 'values': values,
                        'pids': {name: 100 + at for at, name in enumerate(judge.DAEMONS)}})
    return samples


def grown(name, by, samples=None):
    """`by` says how much more it is at a share of the run, from 0 to 1."""
    samples = copy.deepcopy(samples or run())
    for number, sample in enumerate(samples):
        sample['values'][name] += by(number / len(samples))
    return samples


def crashed():
    samples = run()
    for sample in samples[200:]:
        sample['pids']['lb2-syncd'] = 999
    return samples


def silent():
    samples = run()
    for sample in samples[100:]:
        del sample['values']['lb1-lbd memory_kb']
    return samples


MEMORY = 'lb1-syncd memory_kb'
RUNS = [    # what is wrong must begin so; nothing: all is well
    ('a healthy pair', run(), ''),
    ('a healthy day', run(24), ''),
    ('20 minutes', run(1 / 3, 300), ''),
    ('warming up', grown(MEMORY, lambda share: min(share, 0.4) * 20000), ''),
    ('outliers', grown('lb2 lag_ms', lambda share: 5000 if int(share * 400) % 40 == 0 else 0), ''),
    ('it shrinks', grown(MEMORY, lambda share: -1000 * share), ''),
    ('a slow leak', grown(MEMORY, lambda share: 800 * share), MEMORY),
    ('a leak of 10 bytes a second', grown(MEMORY, lambda share: 24 * 3600 * 10 / 1024 * 3 * share,
                                          run(24)), MEMORY),
    ('a step at a fault', grown(MEMORY, lambda share: 900 * int(share * 8)), MEMORY),
    ('a step near the end', grown(MEMORY, lambda share: 900 if share > 0.85 else 0), MEMORY),
    ('descriptors', grown('lb2-lbd descriptors', lambda share: int(share * 12)), 'lb2-lbd desc'),
    ('a thread', grown('lb1-lbd threads', lambda share: int(share > 0.7)), 'lb1-lbd threads'),
    ('flows that stay', grown('lb2 flows', lambda share: 400 * share), 'lb2 flows'),
    ('lag', grown('lb1 lag_ms', lambda share: 100 * share), 'lb1 lag_ms'),
    ('a talkative daemon', grown('lb1-vrrpd log_kb', lambda share: 500 * share), 'lb1-vrrpd log'),
    ('a crash', crashed(), 'lb2-syncd: process'),
    ('a series that ends', silent(), 'lb1-lbd memory_kb: too few'),
    ('nothing was sampled', [], 'lb1 flows: too few'),
]


def main():
    missed = 0
    for name, samples, begins in RUNS:
        wrong = judge.judge(samples)[1]
        right = not wrong if not begins else any(words.startswith(begins) for words in wrong)
        missed += not right
        print('%-28s %s' % (name, 'ok' if right else 'JUDGED WRONGLY: %s' % wrong[:2]))
    sys.exit('%d made-up runs were judged wrongly' % missed if missed else 0)


if __name__ == '__main__':
    main()
