#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""dataplane.py RECORD DIRECTORY TOOK-MS: dataplane.json, dataplane.svg and the tables."""
import json
import os
import platform
import statistics
import subprocess
import sys
from xml.sax.saxutils import escape

LANES = {'bare': 'bare redirect', 'reading': 'reads, then redirects',
         'line': 'one line of memory', 'lookup': 'one look-up of the kernel',
         'caspair': 'caspair NAT', 'katran_like': 'Katran-like',
         'nft': 'nftables DNAT', 'routing': 'kernel routing',
         'caspair_tc': 'caspair, tc', 'caspair_generic': 'caspair, generic XDP',
         'caspair_native': 'caspair, native XDP', 'nft_tcp': 'nftables DNAT',
         'haproxy': 'HAProxy, TCP mode',
         'direct': 'no balancer (routed)'}
COLOURS = {'bare': '#8795a1', 'reading': '#8795a1', 'line': '#8795a1',
           'lookup': '#8795a1',
           'katran_like': '#d98f1e', 'nft': '#a05195', 'nft_tcp': '#a05195',
           'haproxy': '#c45850',
           'routing': '#5b8c5a', 'direct': '#5b8c5a'}
CASES = {'one': 'one flow', 'many': '1,048,576 flows, random', 'reply': 'replies, one flow',
         'syn': 'SYN of a new flow', 'connect': 'new connection (3 packets)'}
PROGRAM_CASES = {'one': 'one flow', 'many': '1,048,576 flows', 'syn': 'new flow'}
SOCKETS = (('down', 'gbit_s', 'Gbit/s down', '%.1f'), ('up', 'gbit_s', 'Gbit/s up', '%.1f'),
           ('requests', 'per_s', 'requests/s', '%.0f'),
           ('connects', 'per_s', 'connections/s', '%.0f'),
           ('latency', 'p50_us', 'connect + answer p50 us', '%.0f'),
           ('latency', 'p99_us', 'p99 us', '%.0f'))
# What the data plane is held to: case, against whom, at least.
BARS = (('one', 'bare', 0.8), ('one', 'nft', 8.0), ('many', 'bare', 0.5),
        ('many', 'katran_like', 1.2))
# What no program can be better than here that has to read its frames, to read what is known of the
# flow and costs nothing to find, or to look it up in a hash table of the kernel's.
LIMITS = ('bare', 'reading', 'line', 'lookup')
INK, FAINT, OURS = '#1f2933', '#66727f', '#2f6fb3'


class Record:
    """The lines of a run: values by part, case and lane, in the order of the rounds."""

    def __init__(self, lines):
        self.results = {}
        for line in lines:
            one = json.loads(line)
            key = one['part'], one['case'], one['lane']
            self.results.setdefault(key, []).append(one['result'])

    def values(self, part, case, lane, field):
        found = self.results.get((part, case, lane), [])
        if (part, case) == ('packets', 'connect'):
            # Three lines a connection.
            return [sum(line[field] for line in found[at:at + 3])
                    for at in range(0, len(found) - 2, 3)]
        return [one[field] for one in found if field in one]

    def median(self, *what):
        values = self.values(*what)
        return statistics.median(values) if values else None

    def ratio(self, case, lane, of='caspair'):
        """The pace of one over another's: the median of the rounds' own ratios."""
        ours = self.values('packets', case, of, 'cpu_ns')
        theirs = self.values('packets', case, lane, 'cpu_ns')
        pairs = [other / own for own, other in zip(ours, theirs) if own]
        return statistics.median(pairs) if pairs else None

    def least_ratio(self, case, lane):
        """The same of the rounds that other load disturbed least."""
        ours = self.values('packets', case, 'caspair', 'cpu_ns')
        theirs = self.values('packets', case, lane, 'cpu_ns')
        return min(theirs) / min(ours) if ours and theirs and min(ours) else None

    def lanes(self, part, case):
        return [lane for lane in LANES if (part, case, lane) in self.results]


def spread(values):
    """Percent of the median between the quartiles."""
    if len(values) < 3:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4)
    return round(100 * (high - low) / middle, 1) if middle else 0.0


def packet_figures(record):
    out = {}
    for case in CASES:
        for lane in record.lanes('packets', case):
            name = 'packets_%s_%s_' % (lane, case)
            values = record.values('packets', case, lane, 'cpu_ns')
            middle = statistics.median(values)
            unit = 'connections_per_core_s' if case == 'connect' else 'pps_per_core'
            out[name + ('ns_per_connection' if case == 'connect' else 'ns_per_packet')] = round(
                middle, 1)
            out[name + unit] = round(1e9 / middle) if middle else 0
            out[name + 'least_ns'] = round(min(values), 1)
            out[name + 'spread_percent'] = spread(values)
            if case != 'connect':
                out[name + 'wall_pps'] = round(record.median('packets', case, lane, 'wall_pps'))
                sent = sum(record.values('packets', case, lane, 'sent'))
                out[name + 'lost_frames'] = sent - sum(
                    record.values('packets', case, lane, 'received'))
        for lane in record.lanes('packets', case):
            ratio = record.ratio(case, lane)
            if lane != 'caspair' and ratio is not None:
                out['ratio_caspair_to_%s_%s' % (lane, case)] = round(ratio, 3)
                out['ratio_of_least_caspair_to_%s_%s' % (lane, case)] = round(
                    record.least_ratio(case, lane), 3)
            for limit in LIMITS:
                ratio = record.ratio(case, lane, limit)
                if limit != lane and ratio is not None:
                    out['ratio_%s_to_%s_%s' % (limit, lane, case)] = round(ratio, 3)
    return out


def figures(record):
    out = packet_figures(record)
    for (part, case, lane), results in record.results.items():
        if part == 'program':
            values = record.values(part, case, lane, 'program_ns')
            out['program_%s_%s_ns' % (lane, case)] = statistics.median(values)
        elif part == 'memory':
            for what in ('flows', 'all'):
                out['memory_%s_bytes_per_flow_at_%s' % (what, case)] = round(
                    results[-1][what + '_bytes'] / int(case), 1)
    for case, field, _, _ in SOCKETS:
        for lane in record.lanes('sockets', case):
            values = record.values('sockets', case, lane, field)
            if values:
                name = 'sockets_%s_%s_%s' % (lane, case, field)
                out[name] = round(statistics.median(values), 3)
                out[name + '_spread_percent'] = spread(values)
    return out


def first_line(*command):
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return text.splitlines()[0].strip()
    except (OSError, IndexError):
        return 'unknown'


def environment(record, took):
    with open('/proc/cpuinfo') as lines:
        models = [line.split(':')[1].strip() for line in lines if line.startswith('model name')]
    rounds = max((len(results) for (part, case, _), results in record.results.items()
                  if (part, case) == ('packets', 'one')), default=0)
    return {'kernel': platform.release(), 'machine': platform.machine(), 'cpus': os.cpu_count(),
            'cpu': models[0] if models else 'unknown', 'frame_bytes': 60,
            'load_1min': round(os.getloadavg()[0], 2), 'rounds': rounds,
            'nftables': first_line('nft', '--version'), 'haproxy': first_line('haproxy', '-v'),
            'ipvs': 'not in this kernel' if not os.path.exists('/proc/net/ip_vs') else 'not run',
            'took_s': round(took / 1000)}


# --- text -------------------------------------------------------------------------------------

def packet_table(record):
    lines = []
    for case, words in CASES.items():
        lanes = record.lanes('packets', case)
        if not lanes:
            continue
        unit = 'connections' if case == 'connect' else 'packets'
        lines += ['', '%-28s %12s %9s %9s' % (words, 'ns of CPU', 'least', 'spread')]
        for lane in lanes:
            values = record.values('packets', case, lane, 'cpu_ns')
            middle = statistics.median(values)
            ratio = record.ratio(case, lane) if lane != 'caspair' else None
            lines.append('  %-26s %12.0f %9.0f %8.0f%% %8.3f M %s/s of a core%s' % (
                LANES[lane], middle, min(values), spread(values),
                1e3 / middle if middle else 0, unit,
                '   caspair: x %.2f' % ratio if ratio else ''))
    return lines


def program_table(record):
    rows = [(lane, [record.median('program', case, lane, 'program_ns') for case in PROGRAM_CASES])
            for lane in LANES if ('program', 'one', lane) in record.results]
    if not rows:
        return []
    lines = ['', '%-28s' % 'the program alone, ns' + ''.join(
        '%17s' % words for words in PROGRAM_CASES.values())]
    return lines + ['  %-26s' % LANES[lane] + ''.join('%17.0f' % value for value in values)
                    for lane, values in rows]


def memory_table(record):
    lines = []
    for (part, case, _), results in record.results.items():
        if part == 'memory':
            lines.append('  table of %-17s %12.1f bytes a flow, all tables %.0f MB' % (
                '%s flows' % format(int(case), ','), results[-1]['flows_bytes'] / int(case),
                results[-1]['all_bytes'] / 1e6))
    return ['', 'memory'] + lines if lines else []


def socket_table(record):
    lanes = [lane for lane in LANES if any(
        (part, where) == ('sockets', lane) for part, _, where in record.results)]
    if not lanes:
        return []
    lines = ['', '%-23s' % 'real sockets, GSO on' + ''.join(
        ' %s' % words.rjust(max(13, len(words))) for _, _, words, _ in SOCKETS)]
    for lane in lanes:
        cells = []
        for case, field, words, form in SOCKETS:
            value = record.median('sockets', case, lane, field)
            cells.append((form % value if value is not None else '-').rjust(max(13, len(words))))
        lines.append('  %-21s ' % LANES[lane] + ' '.join(cells))
    return lines


def bar_table(record):
    lines = []
    for case, lane, least in BARS:
        ratio = record.ratio(case, lane)
        if ratio is not None:
            lines.append('  %-26s at least %.1f x %-14s %6.2f  %-6s  undisturbed %.2f' % (
                CASES[case], least, LANES[lane], ratio, 'met' if ratio >= least else 'MISSED',
                record.least_ratio(case, lane)))
        limits = ['%s %.2f' % (LANES[limit], record.ratio(case, lane, limit)) for limit in LIMITS
                  if limit != lane and record.ratio(case, lane, limit) is not None]
        if ratio is not None and limits:
            lines.append('  %-26s limits here: %s' % ('', ', '.join(limits)))
    return ['', 'caspair is held to'] + lines if lines else []


# --- picture ----------------------------------------------------------------------------------

def text(x, y, words, size=12, fill=INK, anchor='start'):
    return '<text x="%.1f" y="%.1f" font-size="%d" fill="%s" text-anchor="%s">%s</text>' % (
        x, y, size, fill, anchor, escape(words))


def panel(title, rows, form, top):
    """Bars of (lane, value)."""
    left, width, y = 200, 560, top + 22
    out = [text(24, top + 6, title, 14)]
    widest = max(value for _, value in rows) or 1
    for lane, value in rows:
        out += [text(left - 12, y + 10, LANES[lane], 12, INK, 'end'),
                '<rect x="%d" y="%d" width="%.1f" height="12" fill="%s"/>' % (
                    left, y, max(value / widest * width, 1.5), COLOURS.get(lane, OURS)),
                text(left + value / widest * width + 6, y + 10, form % value, 11, FAINT)]
        y += 19
    return out, y + 22


def panels(record):
    for case, words in CASES.items():
        rows = [(lane, 1e3 / record.median('packets', case, lane, 'cpu_ns'))
                for lane in record.lanes('packets', case)]
        unit = 'M connections/s' if case == 'connect' else 'M packets/s'
        yield '%s: %s of a core' % (words, unit), rows, '%.2f'
    for case, field, words, form in SOCKETS:
        rows = [(lane, record.median('sockets', case, lane, field))
                for lane in record.lanes('sockets', case)]
        yield 'real sockets: ' + words, [row for row in rows if row[1] is not None], form


def picture(record):
    out, y = [text(24, 30, 'The data plane beside its peers', 17)], 62
    for title, rows, form in panels(record):
        if rows:
            part, y = panel(title, rows, form, y)
            out += part
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 %d" width="900" height="%d"'
            ' font-family="sans-serif"><rect width="900" height="%d" fill="#ffffff"/>%s</svg>\n'
            % (y, y, y, '\n'.join(out)))


def main():
    source, directory, took = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with open(source) as lines:
        record = Record(lines)
    with open(os.path.join(directory, 'dataplane.json'), 'w') as file:
        json.dump({'figures': figures(record), 'environment': environment(record, took)}, file,
                  indent=1)
        file.write('\n')
    with open(os.path.join(directory, 'dataplane.svg'), 'w') as file:
        file.write(picture(record))
    lines = packet_table(record) + program_table(record) + memory_table(record)
    print('\n'.join((lines + socket_table(record) + bar_table(record))[1:]))


if __name__ == '__main__':
    main()
