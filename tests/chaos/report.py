#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""report.py DIRECTORY [TABLE]: what the episodes below DIRECTORY/runs came to.

Writes report.json, report.html (one file, with a timeline an episode) and the table of faults to
DIRECTORY/RESULTS.md, or to TABLE.  Where DIRECTORY-rival has episodes of the other pair (rival.sh),
rival.json and a table in the report put both side by side.
"""
import json
import os
import platform
import statistics
import sys
from xml.sax.saxutils import escape

import picture
import rival
from history import History, runs

STYLE = '''body { font: 14px "DejaVu Sans", Verdana, sans-serif; color: #1f2933; margin: 2em auto;
 max-width: 1040px } table { border-collapse: collapse; font-size: 13px } td, th { padding: 3px 10px;
 text-align: right; border-bottom: 1px solid #e3e8ee } td:first-child, td:nth-child(2),
 th:nth-child(2) { text-align: left } h2 { font-size: 16px; margin-top: 2em } .bad { color: #c62f2f }
 .ok { color: #2d7a4f } p { margin: 4px 0; color: #66727f }'''


def read(path):
    with open(path + '/verdict.json', encoding='utf-8') as file:
        return json.load(file)


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else 0


def most(values):
    return max((value for value in values if value is not None), default=0)


def by_fault(verdicts, titles):
    """A row a fault, of the episodes that it had to itself; overlapping ones are one row more."""
    groups = {}
    for verdict in verdicts:
        name = verdict['faults'][0] if len(verdict['faults']) == 1 else 'overlapping'
        groups.setdefault(name, []).append(verdict)
    rows = []
    for name, group in groups.items():
        column = {key: [verdict['figures'].get(key) for verdict in group] for key in
                  ('dark_ms', 'connect_gap_ms', 'sessions', 'sessions_lost', 'sessions_moved',
                   'new', 'new_lost', 'longest_stall_ms', 'two_owners_ms', 'healed_s')}
        rows.append({
            'id': name, 'title': titles.get(name, 'two or more at once'), 'runs': len(group),
            'survived': sum(verdict['survived'] for verdict in group),
            'blackout_median_ms': median(column['dark_ms']),
            'blackout_max_ms': most(column['dark_ms']),
            'connect_gap_max_ms': most(column['connect_gap_ms']),
            'stall_max_ms': most(column['longest_stall_ms']),
            'sessions': sum(value or 0 for value in column['sessions'] + column['new']),
            'sessions_lost': sum(value or 0 for value in
                                 column['sessions_lost'] + column['new_lost']),
            'lost_by_nature': any(verdict['figures'].get('lost_by_nature') for verdict in group),
            'sessions_moved': sum(value or 0 for value in column['sessions_moved']),
            'two_owners_max_ms': most(column['two_owners_ms']),
            'healed_median_s': median(column['healed_s']),
            'healed_max_s': most(column['healed_s']),
            'unhealed': column['healed_s'].count(None)})
    return rows


HEADS = ('', 'fault', 'survived', 'blackout median / max ms', 'no new connection, max ms',
         'longest stall ms', 'sessions lost', 'healed after, median / max s')


def cells(row):
    return (row['id'], row['title'], '%d of %d' % (row['survived'], row['runs']),
            '%.0f / %.0f' % (row['blackout_median_ms'], row['blackout_max_ms']),
            '%.0f' % row['connect_gap_max_ms'], '%.0f' % row['stall_max_ms'],
            '%d of %d%s' % (row['sessions_lost'], row['sessions'],
                            ', by its nature' if row['lost_by_nature'] else ''),
            '%.1f / %.1f' % (row['healed_median_s'], row['healed_max_s']))


def figures(verdicts, rows):
    of_all = {
        'episodes': len(verdicts),
        'episodes_survived': sum(verdict['survived'] for verdict in verdicts),
        'sessions': sum(row['sessions'] for row in rows),
        'sessions_lost': sum(verdict['figures']['sessions_lost'] + verdict['figures']['new_lost']
                             for verdict in verdicts if not verdict['figures']['lost_by_nature']),
        'sessions_moved': sum(row['sessions_moved'] for row in rows),
        'two_owners_max_ms': most(verdict['figures'].get('two_owners_ms') for verdict in verdicts)}
    told = [account for verdict in verdicts
            for account in verdict['figures'].get('accounts', {}).values()]
    of_all['frames_accounted'] = sum(account['seen'] for account in told)
    of_all['frames_dropped'] = sum(sum(account['dropped'].values()) for account in told)
    of_all['frames_unsent'] = sum(account['refused'] + account['vanished'] for account in told)
    for name in ('segments', 'segments_lost', 'mail_answers', 'mail_lost', 'blocks', 'blocks_corrupt'):
        of_all[name] = sum(verdict['figures'].get(name, 0) for verdict in verdicts)
    for row in rows:
        for key in ('blackout_median_ms', 'blackout_max_ms', 'sessions', 'sessions_lost',
                    'healed_median_s', 'healed_max_s'):
            of_all['%s_%s' % (row['id'].lower(), key)] = row[key]
    return of_all


def environment():
    return {'kernel': platform.release(), 'machine': platform.machine(), 'cpus': os.cpu_count(),
            'load_15_min': round(os.getloadavg()[2], 1),
            'network': 'veth pairs and bridges of one machine', 'advert_ms': 100}


# --- for people ---------------------------------------------------------------------------------

def markdown(rows, every):
    out = ['<!-- written by tests/chaos/report.py; sudo make chaos REPEAT=3 makes it again -->',
           '# What each fault came to', '',
           '%d of %d episodes survived; %d of %d sessions and connections lost. Kernel %s, %d CPUs '
           'with a load of %.0f, network namespaces of one machine, adverts every 100 ms.' % (
               every['episodes_survived'], every['episodes'], every['sessions_lost'],
               every['sessions'], platform.release(), os.cpu_count(), os.getloadavg()[2]), '',
           '| %s |' % ' | '.join(HEADS), '| --- | --- |' + ' ---: |' * (len(HEADS) - 2)]
    return '\n'.join(out + ['| %s |' % ' | '.join(cells(row)) for row in rows]) + '\n'


def html_table(rows):
    head = ''.join('<th>%s</th>' % escape(name) for name in HEADS)
    body = ''.join('<tr>%s</tr>' % ''.join('<td>%s</td>' % escape(cell) for cell in cells(row))
                   for row in rows)
    return '<table><tr>%s</tr>%s</table>' % (head, body)


def accounts(verdict):
    """What became of each node's frames, in words."""
    out = []
    for name, account in sorted(verdict['figures'].get('accounts', {}).items()):
        dropped = ', '.join('%d %s' % (count, reason) for reason, count in account['dropped'].items())
        out.append('%s: %d frames, all accounted for; dropped: %s; refused by a full ring: %d, '
                   'by a link that was down: %d' % (name, account['seen'], dropped or 'none',
                                                    account['refused'], account['vanished']))
    return out


def others(verdict):
    """What clients saw that do not chat, in words."""
    seen, out = verdict['figures'], []
    if 'mail_answers' in seen:
        out.append('mail clients: %d answers, the longest after %.0f ms; %d lines lost' % (
            seen['mail_answers'], seen['mail_answer_ms'], seen['mail_lost']))
    if 'segments' in seen:
        out.append('segments of sessions: %d went into a node, %d stayed there' % (
            seen['segments'], seen['segments_lost']))
    if 'blocks' in seen:
        out.append('transfers by TLS: %d blocks, %d of them not what was sent' % (
            seen['blocks'], seen['blocks_corrupt']))
    return out


def html_episode(path, verdict):
    history, seen = History(path), verdict['figures']
    word = ('ok', 'survived') if verdict['survived'] else ('bad', 'not survived as promised')
    out = ['<h2>%s <span class="%s">%s</span></h2>' % (escape(verdict['name']), *word),
           '<p>%d sessions, %d lost, %d moved; %d new connections, %d lost; dark %s ms; two owners '
           '%s ms%s; healed after %s s; held: %s</p>' % (
               seen['sessions'], seen['sessions_lost'], seen['sessions_moved'], seen['new'],
               seen['new_lost'], seen['dark_ms'], seen['two_owners_ms'],
               escape(seen.get('two_allowed', '')),
               seen.get('healed_s', '?'), ' '.join(sorted(
                   name for name, held in verdict['invariants'].items() if held)))]
    stalled = ', '.join('%d %s' % (count, edge) for edge, count in seen['stalled'].items() if count)
    if stalled:
        out.append('<p>longest waits of sessions: %s</p>' % stalled)
    out += ['<p>%s</p>' % escape(words) for words in others(verdict) + accounts(verdict)]
    out += ['<p class="bad">%s</p>' % escape(words) for words in verdict['wrong']]
    out += ['<p>%s</p>' % escape(words) for words in verdict['told']]
    return '\n'.join(out + [picture.draw(history)])


def html(paths, verdicts, rows, others, every):
    head = '%d of %d episodes survived, %d of %d sessions and connections lost' % (
        every['episodes_survived'], every['episodes'], every['sessions_lost'], every['sessions'])
    parts = ['<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>caspair: faults</title>',
             '<style>%s</style><h1>%s</h1>' % (STYLE, head),
             '<p>Each picture: the fault from its injection to its healing (paler while it heals), '
             'the roles as the nodes told them, times without a new connection over 50 ms, sessions '
             'that wait for an answer for over 100 ms, and the lag of replication.</p>',
             html_table(rows), rival.html(rows, others)]
    parts += [html_episode(path, verdict) for path, verdict in zip(paths, verdicts)]
    return '\n'.join(parts) + '</html>\n'


def write(path, words):
    with open(path, 'w', encoding='utf-8') as out:
        out.write(words)


def played(directory):
    """The directories of the episodes, their verdicts, and a row a fault."""
    paths = runs(directory)
    verdicts = [read(path) for path in paths]
    titles = {name: fault['title'] for path in paths
              for name, fault in History(path).faults.items()}
    return paths, verdicts, by_fault(verdicts, titles)


def beside(directory, rows):
    """The other pair's rows; what both came to is told where there are any."""
    others = played(directory + '-rival')[2]
    if others:
        write(directory + '/rival.json', json.dumps(
            {**rival.side_by_side(rows, others), 'environment': environment()}, indent=1) + '\n')
        print(rival.text(rows, others))
    return others


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    directory = sys.argv[1]
    paths, verdicts, rows = played(directory)
    others = beside(directory, rows)
    if not paths:
        sys.exit('no episode was judged')
    every = figures(verdicts, rows)
    write(directory + '/report.json', json.dumps(
        {'figures': every, 'environment': environment(), 'faults': rows, 'runs': verdicts},
        indent=1) + '\n')
    write(directory + '/report.html', html(paths, verdicts, rows, others, every))
    write(sys.argv[2] if len(sys.argv) > 2 else directory + '/RESULTS.md', markdown(rows, every))
    print('%d of %d episodes survived, %d of %d sessions and connections lost: %s/report.html' % (
        every['episodes_survived'], every['episodes'], every['sessions_lost'], every['sessions'],
        directory))


if __name__ == '__main__':
    main()
