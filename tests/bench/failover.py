#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""failover.py RECORD DIRECTORY TOOK-MS: failover.json, failover.svg and a table of the drills."""
import json
import os
import platform
import statistics
import subprocess
import sys
from xml.sax.saxutils import escape

FAULTS = {'power_off': 'power off', 'sigkill': 'daemon killed', 'sigterm': 'clean stop',
          'link_down': 'LAN link down', 'planned': 'planned failover',
          'sigstop': 'daemon stopped for 1 s'}
WHO = {'our': ('caspair', '#2f6fb3'), 'ka': ('keepalived', '#d98f1e')}
INK, FAINT = '#1f2933', '#66727f'


def groups(records):
    found = {}
    for record in records:
        if record['fault'] == 'load':
            continue
        key = record['advert'], record['fault'], record['who']
        found.setdefault(key, []).append(record)
    return found


def summary(drills):
    gaps = [drill['probe']['longest_gap_ms'] for drill in drills]
    return {'n': len(gaps), 'median_ms': round(statistics.median(gaps), 1), 'max_ms': max(gaps),
            'lost_probes_max': max(drill['probe']['lost'] for drill in drills),
            'dark_median_ms': statistics.median(drill['probe']['dark_ms'] for drill in drills),
            'two_owners_max_ms': max(drill['two_owners_ms'] for drill in drills)}


def loads(records):
    return [record for record in records if record['fault'] == 'load']


def load_figures(records):
    out = {}
    for record in loads(records):
        name = 'load_%dms_%s' % (record['advert'], 'realtime' if record['realtime'] else 'plain')
        out['caspair_%s_false_failovers' % name] = record['our']
        out['keepalived_%s_false_failovers' % name] = record['ka']
        out[name + '_s'] = record['seconds']
    return out


def figures(found):
    out = {}
    for (advert, fault, who), drills in found.items():
        for name, value in summary(drills).items():
            out['%s_%s_%dms_%s' % (WHO[who][0], fault, advert, name)] = value
    return out


def keepalived_version():
    try:
        text = subprocess.run(['keepalived', '--version'], capture_output=True, text=True,
                              check=False).stderr
        return text.split()[1]
    except (OSError, IndexError):
        return 'unknown'


def environment(took):
    return {'kernel': platform.release(), 'machine': platform.machine(), 'cpus': os.cpu_count(),
            'load_1min': round(os.getloadavg()[0], 2), 'keepalived': keepalived_version(),
            'priorities': '254/253', 'probe_every_ms': 1, 'took_s': round(took / 1000)}


def table(found):
    lines = ['%-7s %-23s | %-32s | %s' % ('advert', 'fault', 'caspair', 'keepalived'),
             '%-7s %-23s | %9s %7s %2s %10s  | %9s %7s %2s %10s' % (
                 ('', '') + ('median ms', 'max ms', 'n', 'two owners') * 2)]
    for advert in sorted({key[0] for key in found}):
        for fault, words in FAULTS.items():
            cells = []
            for who in WHO:
                drills = found.get((advert, fault, who))
                if not drills:
                    cells.append('%9s %7s %2s %10s ' % ('-', '-', '', ''))
                    continue
                one = summary(drills)
                cells.append('%9.1f %7.1f %2d %7.0f ms ' % (one['median_ms'], one['max_ms'],
                                                         one['n'], one['two_owners_max_ms']))
            if any(cell.strip(' -') for cell in cells):
                lines.append('%4d ms %-23s | %s | %s' % (advert, words, cells[0], cells[1]))
    return '\n'.join(line.rstrip() for line in lines)


def load_table(records):
    lines = ['%4d ms adverts, %d s of load on all processors, %-14s false failovers %d, '
             'keepalived %d' % (record['advert'], record['seconds'],
                                'real-time:' if record['realtime'] else 'not real-time:',
                                record['our'], record['ka']) for record in loads(records)]
    return '\n'.join(lines)


def text(x, y, words, size=12, fill=INK, anchor='start'):
    return '<text x="%.1f" y="%.1f" font-size="%d" fill="%s" text-anchor="%s">%s</text>' % (
        x, y, size, fill, anchor, escape(words))


def panel(found, advert, top, widest):
    """The bars of one advert interval: medians, with a mark at the longest."""
    left, width, y = 190, 560, top + 26
    out = [text(24, top + 6, 'adverts every %d ms' % advert, 14)]
    for fault, words in FAULTS.items():
        rows = [(who, found.get((advert, fault, who))) for who in WHO]
        if not any(drills for _, drills in rows):
            continue
        out.append(text(left - 12, y + 16, words, 12, INK, 'end'))
        for number, (who, drills) in enumerate(rows):
            at = y + number * 13
            if not drills:
                out.append(text(left + 4, at + 9, 'has none', 10, FAINT))
                continue
            one = summary(drills)
            bar, mark = (max(value / widest * width, 1.5)
                         for value in (one['median_ms'], one['max_ms']))
            note = '%.1f (max %.1f)' % (one['median_ms'], one['max_ms'])
            if one['two_owners_max_ms'] > 0:
                note += ', two owners for %.0f ms' % one['two_owners_max_ms']
            out += ['<rect x="%d" y="%.1f" width="%.1f" height="10" fill="%s"/>' % (
                        left, at, bar, WHO[who][1]),
                    '<rect x="%.1f" y="%.1f" width="1.5" height="10" fill="%s"/>' % (
                        left + mark, at, INK),
                    text(left + max(bar, mark) + 6, at + 9, note, 10, FAINT)]
        y += 36
    return out, y + 14


def picture(found):
    out, y = [text(24, 30, 'How long a client gets no answer, in ms', 17)], 62
    for number, (name, colour) in enumerate(WHO.values()):
        out += ['<rect x="%d" y="42" width="10" height="10" fill="%s"/>' % (
            24 + 110 * number, colour), text(40 + 110 * number, 51, name, 12)]
    for advert in sorted({key[0] for key in found}):
        widest = max(summary(drills)['max_ms'] for key, drills in found.items()
                     if key[0] == advert)
        part, y = panel(found, advert, y + 14, max(widest, 1))
        out += part
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 %d" width="1000" height="%d"'
            ' font-family="sans-serif"><rect width="1000" height="%d" fill="#ffffff"/>%s</svg>\n'
            % (y, y, y, '\n'.join(out)))


def main():
    record, directory, took = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with open(record) as lines:
        records = [json.loads(line) for line in lines]
    found = groups(records)
    with open(os.path.join(directory, 'failover.json'), 'w') as file:
        json.dump({'figures': {**figures(found), **load_figures(records)},
                   'environment': environment(took)}, file, indent=1)
        file.write('\n')
    with open(os.path.join(directory, 'failover.svg'), 'w') as file:
        file.write(picture(found))
    print(table(found))
    print(load_table(records))


if __name__ == '__main__':
    main()
