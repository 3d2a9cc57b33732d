#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""judge.py DIRECTORY: whether a pair has stayed flat; from its samples, and nothing else of the run.

Reads DIRECTORY/samples.out, the clients' last words beside it and the verdicts of faults below runs/.
Writes report.json and report.html there.  Exit status 1: something grew, a process is another one
than it was, or a session was lost.
"""
import glob
import json
import os
import platform
import sys
from xml.sax.saxutils import escape

import draw
import flat

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from records import lines

DAEMONS = ['lb%d-%s' % (node, daemon) for node in (1, 2) for daemon in ('lbd', 'syncd', 'vrrpd')]
MUST = ['%s %s' % (name, kind) for name in DAEMONS for kind in ('memory_kb', 'descriptors')] + [
    'lb%d %s' % (node, kind) for node in (1, 2) for kind in ('flows', 'pins', 'lag_ms')]


def series(samples):
    """name -> [(ms, value)]."""
    found = {}
    for sample in samples:
        for name, value in sample['values'].items():
            found.setdefault(name, []).append((sample['t'], value))
    return found


def other_processes(samples):
    """A process that is another one than it was had a good reason, or it crashed."""
    wrong, before = [], {}
    for sample in samples:
        for name in DAEMONS:
            pid = sample['pids'].get(name)
            if pid != before.get(name, pid):
                wrong.append('%s: process %s is now %s' % (name, before[name], pid))
            before[name] = pid
    return wrong


def judge(samples):
    """(rows, what is wrong)"""
    found, rows, wrong = series(samples), [], other_processes(samples)
    half = (samples[0]['t'] + samples[-1]['t']) / 2 if samples else 0
    for name in sorted(set(found) | set(MUST)):
        row = flat.look(name.split()[1], found[name], half) if name in found else None
        if row is None:
            if name in MUST:
                wrong.append('%s: too few samples' % name)
            continue
        rows.append({'name': name, **row})
        if not row['flat']:
            wrong.append('%s grew by %.1f in the second half, over %.1f' % (
                name, row['grew'], row['bound']))
    return rows, wrong


def clients(directory):
    """(lost or moved, connections that were answered) of those who were there all the time."""
    lost = answered = 0
    for name in ('chat', 'bulk', 'steady'):
        total = (lines('%s/%s.out' % (directory, name)) or [{}])[-1]
        if total.get('event') != 'total':
            return None, 0
        lost += total.get('lost', 0) + total.get('moved', 0)
        answered += total.get('answered', 0)
    return lost, answered


def verdicts(directory):
    found = []
    for path in sorted(glob.glob(directory + '/runs/*/verdict.json')):
        with open(path, encoding='utf-8') as file:
            found.append(json.load(file))
    return found


def figures(samples, rows, faults, sessions):
    most = {}
    for row in rows:
        share = row['grew'] / row['bound'] if row['bound'] else 0
        most[row['kind']] = max(most.get(row['kind'], 0), row['grew'])
        most['share'] = max(most.get('share', 0), share)
    every = {'minutes': round((samples[-1]['t'] - samples[0]['t']) / 6e4, 1) if samples else 0,
             'samples': len(samples), 'series': len(rows),
             'series_flat': sum(row['flat'] for row in rows),
             'largest_share_of_a_bound': round(most.pop('share', 0), 2),
             'faults': len(faults), 'faults_survived': sum(fault['survived'] for fault in faults),
             'sessions_lost': sessions[0], 'connections_answered': sessions[1]}
    every.update(('%s_grew_most' % kind, value) for kind, value in most.items())
    return every


def html(samples, rows, wrong, every):
    words = 'flat' if not wrong else 'not flat'
    out = ['<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>caspair: soak</title>',
           '<style>%s</style>' % draw.STYLE,
           '<h1>%.0f minutes, %d faults: %s</h1>' % (every['minutes'], every['faults'], words)]
    out += ['<p class="bad">%s</p>' % escape(line) for line in wrong]
    out += ['<p>Judged is the second half: what the fitted line rises by there, or the last quarter '
            'lies above the first. The pale part is the warming up.</p>', draw.table(rows)]
    found = series(samples)
    out += [draw.curve(row, found[row['name']]) for row in rows]
    return '\n'.join(out) + '</html>\n'


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = sys.argv[1]
    samples, faults = lines(directory + '/samples.out'), verdicts(directory)
    rows, wrong = judge(samples)
    sessions = clients(directory)
    if sessions[0] is None:
        wrong.append('a client did not say how it ended')
    elif sessions[0]:
        wrong.append('%d sessions were lost or moved' % sessions[0])
    wrong += ['%s: %s' % (fault['name'], words) for fault in faults for words in fault['wrong']]
    every = figures(samples, rows, faults, sessions)
    with open(directory + '/report.json', 'w', encoding='utf-8') as out:
        json.dump({'figures': every, 'wrong': wrong, 'series': rows, 'bounds': flat.BOUNDS,
                   'environment': {'kernel': platform.release(), 'machine': platform.machine(),
                                   'cpus': os.cpu_count()}}, out, indent=1)
        out.write('\n')
    with open(directory + '/report.html', 'w', encoding='utf-8') as out:
        out.write(html(samples, rows, wrong, every))
    for line in wrong:
        print('WRONG: ' + line)
    print('%.1f minutes, %d samples: %d of %d series flat, %d of %d faults survived, %s of %d answers '
          'lost: %s/report.html' % (every['minutes'], every['samples'], every['series_flat'],
                                    every['series'], every['faults_survived'], every['faults'],
                                    sessions[0], sessions[1], directory))
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
