# SPDX-License-Identifier: BSD-2-Clause
"""Ours and the other pair (rival.sh) under the same faults, side by side."""
from xml.sax.saxutils import escape

NAME = 'keepalived + nftables + conntrackd'
HEADS = ('', 'fault', 'blackout median / max ms', 'no new connection, max ms', 'longest stall ms',
         'two owners, max ms', 'lost', 'moved', 'healed, max s')


def pairs(rows, others):
    """(a fault's row, or nothing if it was not played; the other pair's row)"""
    ours = {row['id']: row for row in rows}
    return [(ours.get(other['id']), other) for other in others]


def cells(row):
    if not row:
        return ('not played',) + ('',) * (len(HEADS) - 3)
    healed = '%.1f' % row['healed_max_s']
    if row['unhealed']:
        healed = 'not in %d of %d' % (row['unhealed'], row['runs'])
    return ('%.0f / %.0f' % (row['blackout_median_ms'], row['blackout_max_ms']),
            '%.0f' % row['connect_gap_max_ms'], '%.0f' % row['stall_max_ms'],
            '%.0f' % row['two_owners_max_ms'],
            '%d of %d' % (row['sessions_lost'], row['sessions']), '%d' % row['sessions_moved'], healed)


def lines(rows, others):
    """Two lines of text a fault."""
    for ours, other in pairs(rows, others):
        yield (other['id'], 'caspair: ' + other['title'], *cells(ours))
        yield ('', NAME, *cells(other))


def html(rows, others):
    if not others:
        return ''
    out = ['<h2>Beside %s</h2>' % NAME,
           '<p>The same lab, clients, meters and faults; adverts of 100 ms both. How each daemon of '
           'ours is translated, and what is done for the other, is told in tests/chaos/rival.sh.</p>',
           '<table><tr>%s</tr>' % ''.join('<th>%s</th>' % escape(head) for head in HEADS)]
    out += ['<tr>%s</tr>' % ''.join('<td>%s</td>' % escape(cell) for cell in line)
            for line in lines(rows, others)]
    return '\n'.join(out) + '</table>'


def text(rows, others):
    table = [HEADS, *lines(rows, others)]
    widths = [max(len(line[at]) for line in table) for at in range(len(HEADS))]
    return '\n'.join('  '.join(
        cell.ljust(width) if at < 2 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in table)


def side_by_side(rows, others):
    """As JSON."""
    figures = {}
    for ours, other in pairs(rows, others):
        for who, row in (('caspair', ours), ('rival', other)):
            for key in ('blackout_median_ms', 'blackout_max_ms', 'two_owners_max_ms', 'sessions',
                        'sessions_lost', 'sessions_moved', 'healed_max_s', 'unhealed'):
                if row:
                    figures['%s_%s_%s' % (other['id'].lower(), who, key)] = row[key]
    return {'rival': NAME, 'figures': figures,
            'faults': [{'id': other['id'], 'title': other['title'], 'caspair': ours, 'rival': other}
                       for ours, other in pairs(rows, others)]}
