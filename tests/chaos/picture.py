# SPDX-License-Identifier: BSD-2-Clause
"""An episode as a picture: faults, roles, blackout, sessions that wait, lag; one time axis below."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'demo'))
from history import witness  # noqa: E402
from timeline import FAINT, GRID, INK, LANE, LEFT, RIGHT, STALL, WIDTH, box, lane, line, text  # noqa: E402

FAULT, DARK = '#8a4fae', '#1f2933'
BAR, GRAPH, GAP = 16, 46, 10


def label(y, words):
    return text(LEFT - 14, y, words, 12, INK, 'end')


def faults(history, y, scale, end):
    """A bar a fault, from its injection to the end of its healing; what is paler is the healing."""
    out = []
    for name, fault in history.faults.items():
        at = {event: history.of(event, name) for event in ('inject', 'heal', 'healed')}
        begin = at['inject']['t'] if at['inject'] else fault['t']
        heal = at['heal']['t'] if at['heal'] else end
        healed = at['healed']['t'] if at['healed'] else end
        out.append(label(y + 13, name))
        out.append(box(scale(begin), y, scale(heal) - scale(begin), BAR, FAULT))
        out.append(box(scale(heal), y, scale(healed) - scale(heal), BAR, FAULT, 'opacity="0.4"'))
        out.append(text(min(scale(healed) + 5, WIDTH - RIGHT - 6 * len(fault['title'])), y + 13,
                        fault['title'], 11, FAINT))
        y += BAR + 4
    return out, y + 4


def dark(history, y, scale):
    """Times without a new connection; what the whole time was is in the figures."""
    out = [label(y + 12, 'blackout')]
    for begin, end in history.gaps():
        if end - begin >= 50:
            out.append(box(scale(begin), y, scale(end) - scale(begin), BAR, DARK))
            out.append(text(scale(end) + 4, y + 12, '%.0f ms' % (end - begin), 11, INK))
    return out, y + BAR + GAP


def graph(points, y, scale, words, colour, end):
    """A staircase of (time, value); the largest value is written beside it."""
    most = max((value for _, value in points), default=0)
    out = [label(y + 12, words[0]), text(LEFT - 14, y + 27, words[1] % most, 11, FAINT, 'end'),
           line(LEFT, y + GRAPH, WIDTH - RIGHT, y + GRAPH, GRID)]
    path, last = [], 0
    for at, value in points + [(end, points[-1][1] if points else 0)]:
        height = y + GRAPH - (GRAPH - 4) * value / max(most, 1)
        path += ['%.1f,%.1f' % (scale(at), last or height), '%.1f,%.1f' % (scale(at), height)]
        last = height
    out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>' % (
        ' '.join(path), colour))
    return out, y + GRAPH + GAP


def waits(history):
    """(begin, end) of the times in which a session waited; what one waits for twice counts once."""
    merged, last = [], {}
    for begin, end, session in sorted(history.stalls()):
        if session in last and begin <= last[session][1]:
            last[session][1] = max(last[session][1], end)
        else:
            last[session] = [begin, end]
            merged.append(last[session])
    return merged


def waiting(history, begin):
    """How many sessions wait for longer than 100 ms, at each time when that changes."""
    steps = sorted([(at, 1) for at, _ in waits(history)] + [(at, -1) for _, at in waits(history)])
    points, count = [(begin, 0)], 0
    for at, step in steps:
        count += step
        points.append((max(at, begin), count))
    return points


def owners(history, y, scale):
    """Who answered for the first address, as the switch saw it; two at once is red."""
    out = [label(y + 12, 'answers')]
    colours = {('lb1',): '#2f6fb3', ('lb2',): '#4c9a6a'}
    for address in list(history.addresses.values())[:1]:
        for begin, end, stations, _ in witness.turns(address.owners()):
            names = tuple(witness.node(port) for port in stations)
            if names:
                out.append(box(scale(begin / 1e3), y, scale(end / 1e3) - scale(begin / 1e3), BAR,
                               colours.get(names, STALL)))
                if scale(end / 1e3) - scale(begin / 1e3) > 60:
                    out.append(text(scale(begin / 1e3) + 5, y + 12, ' and '.join(names), 11, '#ffffff'))
    return out, y + BAR + 4


def lag(history, begin):
    """What the standby had not acknowledged, as the nodes told it."""
    return [(begin, 0)] + sorted((max(sample['t'], begin), sample.get('lag_ms', 0))
                                 for samples in history.watch.values() for sample in samples
                                 if sample['role'] == 'active')


def axis(y, scale, begin, end):
    out, step = [], 1 if end - begin < 20000 else 5
    for second in range(0, int((end - begin) / 1000) + 1, step):
        x = scale(begin + second * 1000)
        out += [line(x, 4, x, y, GRID), text(x, y + 14, '%d s' % second, 11, FAINT, 'middle')]
    return out


def draw(history):
    """The picture as one string of SVG."""
    begin, last = history.begin, history.one('end')
    if not begin or not last:
        return ''
    begin, end = begin['t'], last['t']

    def scale(at):
        return LEFT + (min(max(at, begin), end) - begin) * (WIDTH - LEFT - RIGHT) / (end - begin)

    parts, y = faults(history, 8, scale, end)
    for number in (1, 2):
        parts += lane(number, history.watch[number], y, scale, (begin, end))
        y += LANE + 4
    y += GAP
    drawn, y = owners(history, y, scale)
    parts += drawn
    drawn, y = dark(history, y, scale)
    parts += drawn
    drawn, y = graph(waiting(history, begin), y, scale, ('sessions wait', 'at most %d'), STALL, end)
    parts += drawn
    drawn, y = graph(lag(history, begin), y, scale, ('lag', 'at most %d ms'), '#2f6fb3', end)
    parts += drawn
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
            'font-family="DejaVu Sans, Verdana, sans-serif">\n%s\n</svg>'
            % (WIDTH, y + 22, WIDTH, y + 22, '\n'.join(axis(y, scale, begin, end) + parts)))
