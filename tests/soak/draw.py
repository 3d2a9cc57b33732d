# SPDX-License-Identifier: BSD-2-Clause
"""The report's table and curves."""
from xml.sax.saxutils import escape

STYLE = '''body { font: 14px "DejaVu Sans", Verdana, sans-serif; color: #1f2933; margin: 2em auto;
 max-width: 1040px } table { border-collapse: collapse; font-size: 13px } td, th { padding: 2px 10px;
 text-align: right; border-bottom: 1px solid #e3e8ee } td:first-child { text-align: left }
 .bad { color: #c62f2f } p { color: #66727f }'''
WIDTH, HEIGHT, LEFT, FOOT = 1000, 90, 200, 14
POINTS = 400
HEADS = ('', 'begin', 'end', 'most', 'an hour', 'grew by', 'at most')


def table(rows):
    out = ['<table><tr>%s</tr>' % ''.join('<th>%s</th>' % head for head in HEADS)]
    for row in rows:
        cells = [escape(row['name'])] + ['%g' % round(row[key], 1) for key in (
            'begin', 'end', 'most', 'slope_per_hour', 'grew', 'bound')]
        out.append('<tr%s>%s</tr>' % ('' if row['flat'] else ' class="bad"', ''.join(
            '<td>%s</td>' % cell for cell in cells)))
    return '\n'.join(out) + '</table>'


def thinned(points):
    """The largest of each few: a peak must not vanish from a picture."""
    each = max(len(points) // POINTS, 1)
    return [max(points[at:at + each], key=lambda point: point[1])
            for at in range(0, len(points), each)]


def words(x, y, text, anchor='end', fill='#1f2933'):
    return '<text x="%d" y="%d" font-size="12" text-anchor="%s" fill="%s">%s</text>' % (
        x, y, anchor, fill, escape(text))


def curve(row, points):
    """From its smallest to its largest value, which are written beside it."""
    begin, end = points[0][0], points[-1][0]
    values = [value for _, value in points]
    low, high = min(values), max(values)
    spread, last = (high - low) or 1, max(end - begin, 1)

    def place(at, value):
        return '%.1f,%.1f' % (LEFT + (at - begin) * (WIDTH - LEFT) / last,
                              HEIGHT - FOOT - (value - low) * (HEIGHT - FOOT - 6) / spread)

    path = ' '.join(place(at, value) for at, value in thinned(points))
    colour = '#2f6fb3' if row['flat'] else '#c62f2f'
    return '\n'.join([
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">' % (
            WIDTH, HEIGHT, WIDTH, HEIGHT),
        '<rect x="%d" y="0" width="%d" height="%d" fill="#f4f6f8"/>' % (
            LEFT, (WIDTH - LEFT) / 2, HEIGHT - FOOT + 2),
        words(LEFT - 10, 34, row['name']), words(LEFT - 10, 14, '%g' % high, fill='#66727f'),
        words(LEFT - 10, HEIGHT - FOOT, '%g' % low, fill='#66727f'),
        words(WIDTH, HEIGHT - 1, '%.0f minutes' % (last / 6e4), fill='#66727f'),
        '<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>' % (path, colour),
        '</svg>'])
