#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""report.py LOG-DIR OUT-DIR: what the demo's clients and watchers saw, as text, JSON and a picture.

Reads events.out, chat.out, rpc.out, probe.out and watch.out; writes report.json and timeline.svg; prints a
table and, last, the verdict.  Exit status 1 when a session was lost or went to another member.
"""
import json
import os
import platform
import sys

import timeline

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from records import lines

QUIET_GAP = 30      # ms; below this the probe does not report a gap


def sessions_of(kind, records, expected):
    """One dictionary a session, also for those that never said a word."""
    sessions = {n: {'kind': kind, 'member': '', 'lost': True, 'moved': False, 'stalls': [],
                    'longest_stall_ms': 0.0, 'lost_at': None} for n in range(expected)}
    for record in records:
        session = sessions.get(record.get('session'))
        if session is None:
            continue
        if record['event'] == 'session':
            session.update({key: record[key] for key in
                            ('member', 'lost', 'moved', 'longest_stall_ms')})
        elif record['event'] == 'stall':
            session['stalls'].append((record['t'] - record['ms'], record['t']))
        elif record['event'] == 'lost':
            session['lost_at'] = record['t']
        elif record['event'] == 'moved':
            session['moved'] = True
    return [sessions[n] for n in sorted(sessions)]


def windows(events):
    """Event name -> (begin, end): until the next event."""
    return {event['event']: (event['t'], after['t'])
            for event, after in zip(events, events[1:])}


def longest(spans, window):
    """Longest of the (begin, end) spans that end inside the window, in ms."""
    return max((end - begin for begin, end in spans if window[0] <= end < window[1]), default=0)


def gather(log_dir):
    events = lines(log_dir + '/events.out')
    chat, rpc = lines(log_dir + '/chat.out'), lines(log_dir + '/rpc.out')
    chat_total = next((r for r in chat if r['event'] == 'total'), {})
    rpc_total = next((r for r in rpc if r['event'] == 'total'), {})
    return {
        'events': events,
        'watch': lines(log_dir + '/watch.out'),
        'sessions': sessions_of('rpc', rpc, rpc_total.get('sessions', 20)) +
                    sessions_of('chat', chat, chat_total.get('sessions', 50)),
        'gaps': [(r['t'] - r['ms'], r['t'])
                 for r in lines(log_dir + '/probe.out') if r['event'] == 'gap'],
        'retransmits': chat_total.get('retransmits'),
    }


def report(data):
    sessions, spans = data['sessions'], windows(data['events'])
    stalls = [stall for session in sessions for stall in session['stalls']]
    watched = {name: spans[name] for name in ('kill', 'return', 'failover') if name in spans}
    return {
        'sessions': len(sessions),
        'sessions_lost': sum(session['lost'] for session in sessions),
        'sessions_moved': sum(session['moved'] for session in sessions),
        'longest_stall_ms': max(session['longest_stall_ms'] for session in sessions),
        'blackout_ms': {name: round(longest(data['gaps'], window), 1)
                        for name, window in watched.items()},
        'stall_ms': {name: round(longest(stalls, window), 1) for name, window in watched.items()},
        'sessions_stalled': {name: sum(1 for session in sessions
                                       if longest(session['stalls'], window))
                             for name, window in watched.items()},
        'in_sync_after_ms': round(spans['return'][1] - spans['return'][0])
                            if 'return' in spans else None,
        'retransmits': data['retransmits'],
        'members': {name: sum(session['member'].lower() == name for session in sessions)
                    for name in ('m1', 'm2', 'm3')},
        'environment': {'kernel': platform.release(), 'machine': platform.machine(),
                        'cpus': os.cpu_count()},
    }


def lanes(data, step_ms=500):
    """Roles as text, two characters a second."""
    begin, end = data['events'][0]['t'], data['events'][-1]['t']
    columns = int((end - begin) / step_ms) + 1
    letters = {'active': '#', 'standby': 's', 'down': '.', 'fault': '!'}
    marks = {int((e['t'] - begin) / step_ms): e['label'][0] for e in data['events']
             if e['label'][0] in 'XRF'}
    print('      ' + ''.join(('%ds' % (n / 2)).ljust(10) for n in range(0, columns, 10)))
    print('      ' + ''.join(marks.get(n, '|' if n % 10 == 0 else '-') for n in range(columns)))
    for node in (1, 2):
        states, line = [r for r in data['watch'] if r['node'] == node], ''
        for column in range(columns):
            at = begin + column * step_ms
            known = [r for r in states if r['t'] <= at + step_ms / 2]
            state = known[-1] if known else {'role': 'down', 'sync': ''}
            letter = letters.get(state['role'], '?')
            behind = letter == 's' and state['sync'].replace('_', '-') != 'in-sync'
            line += ':' if behind else letter
        print('  lb%d %s' % (node, line))
    print('      # active   s standby, in sync   : standby, catching up   . down')


def table(figures):
    print('\n  %-22s %12s %12s %10s' % ('', 'path dark', 'worst stall', 'stalled'))
    for name, text in (('kill', 'X  active node killed'), ('return', 'R  node returns'),
                       ('failover', 'F  planned failover')):
        if name not in figures['blackout_ms']:
            continue
        dark, stall = figures['blackout_ms'][name], figures['stall_ms'][name]
        print('  %-22s %12s %12s %7d/%d' % (
            text, '%.0f ms' % dark if dark else '< %d ms' % QUIET_GAP,
            '%.0f ms' % stall if stall else '< 100 ms',
            figures['sessions_stalled'][name], figures['sessions']))
    print('  in sync %s ms after its return; sessions on m1, m2, m3: %s\n' % (
        figures['in_sync_after_ms'], ', '.join(str(n) for n in figures['members'].values())))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data = gather(sys.argv[1])
    figures = report(data)
    with open(sys.argv[2] + '/report.json', 'w', encoding='utf-8') as out:
        json.dump(figures, out, indent=1)
        out.write('\n')
    with open(sys.argv[2] + '/timeline.svg', 'w', encoding='utf-8') as out:
        out.write(timeline.draw(data, figures))
    lanes(data)
    table(figures)
    bad = sum(session['lost'] or session['moved'] for session in data['sessions'])
    print('demo: %d of %d sessions survived; longest stall %.0f ms; %d moved' % (
        figures['sessions'] - bad, figures['sessions'], figures['longest_stall_ms'],
        figures['sessions_moved']))
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
