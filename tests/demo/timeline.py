# SPDX-License-Identifier: BSD-2-Clause
"""The demo as a picture: roles of both nodes above, every session as a line below.

A session's line has its member's colour for as long as it lives.  Where it waited for an answer the
line is red; a lost session ends in a cross.
"""
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP = 1000, 120, 24, 118
LANE, LANE_GAP, ROW = 26, 10, 4
INK, FAINT, GRID = '#1f2933', '#66727f', '#e3e8ee'
MEMBERS = {'m1': '#2f6fb3', 'm2': '#d98f1e', 'm3': '#4c9a6a'}
ROLES = {       # role: fill, text colour, word
    'active': ('#1d4e89', '#ffffff', 'active'),
    'standby': ('#bcd4ee', INK, 'standby, in sync'),
    'behind': ('#f0d8a8', INK, 'catching up'),
    'down': ('#eceff2', FAINT, 'down'),
    'fault': ('#e9b4ac', INK, 'fault'),
}
STALL = '#c62f2f'


def text(x, y, words, size=12, fill=INK, anchor='start', weight='normal'):
    return ('<text x="%.1f" y="%.1f" font-size="%d" fill="%s" text-anchor="%s" font-weight="%s">'
            '%s</text>' % (x, y, size, fill, anchor, weight, escape(words)))


def box(x, y, width, height, fill, extra=''):
    return '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" %s/>' % (
        x, y, max(width, 0.5), height, fill, extra)


def line(x1, y1, x2, y2, stroke, width=1.0, extra=''):
    return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f" %s/>'
            % (x1, y1, x2, y2, stroke, width, extra))


def role_of(record):
    if record['role'] == 'standby' and record['sync'].replace('_', '-') != 'in-sync':
        return 'behind'
    return record['role'] if record['role'] in ROLES else 'down'


def spans(records, begin, end):
    """(role, from, to) of one node, equal neighbours joined."""
    found, role, since = [], 'down', begin
    for record in records:
        at = min(max(record['t'], begin), end)
        if role_of(record) != role:
            found.append((role, since, at))
            role, since = role_of(record), at
    found.append((role, since, end))
    return [span for span in found if span[2] > span[1]]


def lane(number, records, y, scale, period):
    out = [text(LEFT - 14, y + LANE / 2 + 5, 'lb%d' % number, 14, INK, 'end', 'bold')]
    for role, since, until in spans(records, *period):
        fill, ink, word = ROLES[role]
        out.append(box(scale(since), y, scale(until) - scale(since), LANE, fill, 'rx="2"'))
        if scale(until) - scale(since) > 7 * len(word):
            out.append(text((scale(since) + scale(until)) / 2, y + LANE / 2 + 4, word, 11, ink,
                            'middle'))
    return out


def session_row(session, y, scale, period):
    begin, end = period
    end = session['lost_at'] or end
    out = [line(scale(begin), y, scale(end), y, MEMBERS.get(session['member'].lower(), FAINT), 1.6)]
    for since, until in session['stalls']:
        if until > begin:
            out.append(line(scale(max(since, begin)), y, scale(until), y, STALL, 2.4))
    if session['lost']:
        x = scale(end)
        out += [line(x - 3, y - 3, x + 3, y + 3, STALL, 1.5),
                line(x - 3, y + 3, x + 3, y - 3, STALL, 1.5)]
    return out


def rows(sessions, y, scale, period):
    """All sessions, RPC above, chat below, sorted by member so that a stray one is seen."""
    out = []
    for kind, words in (('rpc', 'RPC sessions'), ('chat', 'TCP sessions')):
        chosen = sorted((s for s in sessions if s['kind'] == kind), key=lambda s: s['member'])
        alive = sum(not session['lost'] for session in chosen)
        middle = y + len(chosen) * ROW / 2
        out.append(text(LEFT - 14, middle, words, 12, INK, 'end', 'bold'))
        out.append(text(LEFT - 14, middle + 15, '%d of %d live' % (alive, len(chosen)), 11, FAINT,
                        'end'))
        for session in chosen:
            out += session_row(session, y + ROW / 2, scale, period)
            y += ROW
        y += 12
    return out, y


def flags(events, bottom, scale):
    """A dashed line an event; neighbours that would overlap go one step higher."""
    out, last = [], [-1000.0, -1000.0]
    for event in (e for e in events[:-1] if e['event'] != 'in_sync'):    # the lane shows that
        x, words = scale(event['t']), event['label'].lstrip('XRF ').split(':')[0]
        level = 0 if x - last[0] > 150 else 1
        last[level] = x
        y = TOP - 16 - 18 * level
        out.append(line(x, y + 4, x, bottom, INK, 1, 'stroke-dasharray="3 3"'))
        out.append(text(x + 4, y + 2, words, 11))
    return out


def axis(y, scale, period):
    out, begin, end = [], *period
    for second in range(0, int((end - begin) / 1000) + 1, 5):
        x = scale(begin + second * 1000)
        out.append(line(x, TOP - 6, x, y, GRID))
        out.append(text(x, y + 16, '%d s' % second, 11, FAINT, 'middle'))
    return out


def legend(y):
    out, x = [], LEFT
    for name, colour in MEMBERS.items():
        out += [line(x, y - 4, x + 18, y - 4, colour, 3), text(x + 24, y, 'on ' + name, 11, FAINT)]
        x += 84
    out += [line(x, y - 4, x + 18, y - 4, STALL, 3),
            text(x + 24, y, 'waiting over 100 ms for an answer', 11, FAINT),
            box(x + 250, y - 9, 18, 10, ROLES['behind'][0]),
            text(x + 274, y, 'node is catching up', 11, FAINT)]
    return out


def draw(data, figures):
    """The whole picture as one string of SVG."""
    period = data['events'][0]['t'], data['events'][-1]['t']

    def scale(at):
        return LEFT + (at - period[0]) * (WIDTH - LEFT - RIGHT) / (period[1] - period[0])

    below, y = [], TOP
    for number in (1, 2):
        records = [record for record in data['watch'] if record['node'] == number]
        below += lane(number, records, y, scale, period)
        y += LANE + LANE_GAP
    drawn, y = rows(data['sessions'], y + 8, scale, period)
    height = y + 56
    survived = sum(not (s['lost'] or s['moved']) for s in data['sessions'])
    head = '%d of %d sessions survive the death of their balancer' % (survived, figures['sessions'])
    under = 'path dark %s ms at the kill, %s ms at the planned failover; longest stall %.0f ms' % (
        '%.0f' % figures['blackout_ms'].get('kill', 0),
        '%.0f' % figures['blackout_ms'].get('failover', 0) if
        figures['blackout_ms'].get('failover') else 'under 30', figures['longest_stall_ms'])
    parts = [box(0, 0, WIDTH, height, '#ffffff'), text(LEFT, 34, head, 19, INK, 'start', 'bold'),
             text(LEFT, 55, under, 13, FAINT)]
    parts += axis(y, scale, period) + below + drawn + flags(data['events'], y, scale)
    parts += legend(y + 40)
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
            'font-family="DejaVu Sans, Verdana, sans-serif">\n%s\n</svg>\n'
            % (WIDTH, height, WIDTH, height, '\n'.join(parts)))
