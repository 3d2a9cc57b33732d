#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sync.py RECORD DIRECTORY TOOK-MS: sync.json and tables of what replication costs, with its bars."""
import json
import os
import platform
import statistics
import subprocess
import sys

WHO = {'caspair': 'caspair', 'conntrackd-cache': 'conntrackd',
       'conntrackd-kernel': 'conntrackd, into the kernel'}
DAEMONS = {'caspair': ('lb1_syncd', 'lb2_syncd'), 'conntrackd-cache': ('ct1_daemon', 'ct2_daemon'),
           'conntrackd-kernel': ('ct1_daemon', 'ct2_daemon')}


def records_of(path):
    with open(path) as lines:
        return [json.loads(text) for text in objects(lines.read())]


def objects(text):
    """The record's objects, which may go over several lines."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        _, end = decoder.raw_decode(text, at)
        yield text[at:end]
        at = end + len(text[end:]) - len(text[end:].lstrip())


def rate_figures(one):
    """Of a run at one rate: CPU in seconds for a million flows is microseconds for one."""
    active, standby = DAEMONS[one['who']]
    flows = max(one['opened'], 1)
    out = {'offered_per_s': one['rate'], 'achieved_per_s': round(flows * 1000 / one['ms']),
           'at_peer_percent': round(100 - 100 * one['missing'] / flows, 4),
           'active_cpu_s_per_million': round(one['cpu_' + active] / flows / 1000, 2),
           'standby_cpu_s_per_million': round(one['cpu_' + standby] / flows / 1000, 2),
           'bytes_per_flow': round(one['sent'] / flows, 1),
           'bytes_back_per_flow': round(one['answered'] / flows, 1)}
    for name in ('lag_p50_ms', 'lag_p99_ms'):
        if name in one:
            out[name] = one[name]
    for node in (1, 2):
        name = 'cpu_lb%d_lbd' % node
        if name in one:
            out['lbd_%d_cpu_s_per_million' % node] = round(one[name] / flows / 1000, 2)
    return out


def join_figures(one):
    out = {'ms': one['ms'], 'at_peer_percent': round(100 - 100 * max(one['missing'], 0) /
                                                     max(one['flows'], 1), 4)}
    if 'held' in one:
        out['held'] = one['held']
    for name in ('cpu_lb1_syncd', 'cpu_lb2_syncd'):
        if name in one:
            out[name[4:] + '_cpu_ms'] = round(one[name] / 1e6)
    if 'waited_ms' in one:
        out['waited_for_cpu_ms'] = one['waited_ms']
    return out


def cost_figures(records):
    costs = {'replication': [], 'nobody': []}
    for one in records:
        if one['kind'] == 'cost':
            costs[one['with']].append(one['probe']['ns'] / max(one['probe']['runs'], 1))
    if not all(costs.values()):
        return {}
    ratios = [a / b for a, b in zip(costs['replication'], costs['nobody'])]
    return {'program_ns_with_replication': round(statistics.median(costs['replication'])),
            'program_ns_with_no_reader': round(statistics.median(costs['nobody'])),
            'program_cost_ratio': round(statistics.median(ratios), 3)}


def takeover_work(one):
    """CPU time of the node that takes over, its three daemons, in ms."""
    return sum(one['cpu_lb2_' + daemon] for daemon in ('vrrpd', 'syncd', 'lbd')) / 1e6


def takeover_growth(records):
    """What a flow adds to a takeover's work: ms a million, from the least table to the greatest."""
    work = sorted((one['flows'], takeover_work(one)) for one in records
                  if one['kind'] == 'takeover' and one['who'] == 'caspair')
    if len(work) < 2:
        return None
    return round((work[-1][1] - work[0][1]) * 1e6 / (work[-1][0] - work[0][0]), 1)


def figures(records):
    out = {}
    for one in records:
        name = one['who'].replace('-', '_')
        if one['kind'] == 'rate':
            for key, value in rate_figures(one).items():
                out['%s_%d_per_s_%s' % (name, one['rate'], key)] = value
        elif one['kind'] == 'join':
            for key, value in join_figures(one).items():
                out['%s_join_%d_%s' % (name, one['flows'], key)] = value
        elif one['kind'] == 'takeover':
            out['%s_takeover_%d_ms' % (name, one['flows'])] = round(one['us'] / 1000, 1)
            if 'cpu_lb2_syncd' in one:
                out['%s_takeover_%d_cpu_ms' % (name, one['flows'])] = round(takeover_work(one), 2)
    out.update(cost_figures(records))
    growth = takeover_growth(records)
    if growth is not None:
        out['caspair_takeover_cpu_ms_per_million_flows'] = growth
    return out


def rate_table(records):
    lines = ['%-28s %9s %9s %9s %17s %7s %14s' % ('new flows', 'offered/s', 'had/s', 'at peer',
                                                'CPU s per million', 'B/flow', 'lag p50/p99')]
    for one in records:
        if one['kind'] != 'rate':
            continue
        f = rate_figures(one)
        lag = '%.1f / %.1f ms' % (f['lag_p50_ms'], f['lag_p99_ms']) if 'lag_p50_ms' in f else '-'
        lines.append('%-28s %9d %9d %8.3f%% %8.2f / %6.2f %7.1f %14s' % (
            WHO[one['who']], f['offered_per_s'], f['achieved_per_s'], f['at_peer_percent'],
            f['active_cpu_s_per_million'], f['standby_cpu_s_per_million'], f['bytes_per_flow'], lag))
    return lines


def join_table(records):
    lines = ['%-28s %9s %9s %9s %17s' % ('a standby joins', 'flows', 'ms', 'at peer', 'takeover, ms')]
    takeovers = {(one['who'], one['flows']): one['us'] / 1000 for one in records
                 if one['kind'] == 'takeover'}
    for one in records:
        if one['kind'] == 'join':
            f = join_figures(one)
            took = takeovers.get((one['who'], one['flows']))
            lines.append('%-28s %9d %9d %8.3f%% %17s' % (
                WHO[one['who']], one['flows'], f['ms'], f['at_peer_percent'],
                '-' if took is None else '%.1f' % took))
    return lines


def bars(out, records):
    """What the project holds itself to, with what was measured."""
    def line(words, value, limit, unit=''):
        if value is None:
            return '%-58s not measured' % words
        return '%-58s %s%s (%s)' % (words, value, unit, 'held' if value <= limit else 'MISSED')

    def joined(flows):
        for one in records:
            if one['kind'] == 'join' and one['who'] == 'caspair' and one['flows'] == flows:
                return one['ms'] if not one['missing'] and not one['extra'] else float('inf')
        return None

    at = 'caspair_20000_per_s_'
    return [line('bytes per new IPv4 flow at 20,000/s, at most 40', out.get(at + 'bytes_per_flow'), 40),
            line('CPU s per million flows, active syncd, at most 4',
                 out.get(at + 'active_cpu_s_per_million'), 4),
            line('CPU s per million flows, standby syncd, at most 4',
                 out.get(at + 'standby_cpu_s_per_million'), 4),
            line('lag p99 at 20,000/s, at most 10 ms', out.get(at + 'lag_p99_ms'), 10, ' ms'),
            line('program time with replication, at most 1.05 of that without',
                 out.get('program_cost_ratio'), 1.05),
            line('takeover, CPU ms more with a million flows more, at most 10',
                 out.get('caspair_takeover_cpu_ms_per_million_flows'), 10),
            line('join at 500,000 flows, exact, at most 2,000 ms', joined(500000), 2000, ' ms'),
            line('join at 1,000,000 flows, exact, at most 5,000 ms', joined(1000000), 5000, ' ms')]


def version(command):
    try:
        return subprocess.run(command, capture_output=True, text=True,
                              check=False).stdout.split()[3].strip('.,')
    except (OSError, IndexError):
        return 'unknown'


def environment(took):
    return {'kernel': platform.release(), 'machine': platform.machine(), 'cpus': os.cpu_count(),
            'load_1min': round(os.getloadavg()[0], 2), 'took_s': round(took / 1000),
            'conntrackd': version(['conntrackd', '--version'])}


def main():
    record, directory, took = sys.argv[1], sys.argv[2], float(sys.argv[3])
    records = records_of(record)
    out = figures(records)
    with open(os.path.join(directory, 'sync.json'), 'w') as file:
        json.dump({'figures': out, 'environment': environment(took)}, file, indent=1)
        file.write('\n')
    print('\n'.join(rate_table(records) + [''] + join_table(records) + [''] + bars(out, records)))


if __name__ == '__main__':
    main()
