# SPDX-License-Identifier: BSD-2-Clause
"""Whether a series of numbers stays where it is.

The first half of a run is for warming up and is not looked at.  In the second, points become medians
of up to 100 spans of time, so that single outliers do not count.  What it has grown by is the slope
of Theil and Sen (the median of the slopes between all pairs) times the time, or how much higher its
last quarter lies than its first, whichever is more: the one sees a slow leak below noise, the other
a step near the end.
"""
import statistics

SPANS, FEWEST = 100, 20

# What a series may grow by in the second half: so much anyway, and so much for each hour of it.
BOUNDS = {
    'memory_kb': (256, 64),
    'maps_kb': (64, 0),
    'descriptors': (3, 0),
    'threads': (0.5, 0),
    'files_kb': (64, 16),
    'log_kb': (32, 64),     # lines about faults
    'flows': (60, 0),
    'pins': (10, 0),
    'lag_ms': (20, 0),
}


def spans(points):
    """Medians of equal spans of time; (time in hours, value)."""
    begin = points[0][0]
    width = max((points[-1][0] - begin) / SPANS, 1e-9)
    groups = {}
    for at, value in points:
        groups.setdefault(min(int((at - begin) / width), SPANS - 1), []).append((at, value))
    return [(statistics.median(at for at, _ in group) / 3.6e6,
             statistics.median(value for _, value in group)) for _, group in sorted(groups.items())]


def slope(points):
    """A value an hour."""
    slopes = [(late[1] - early[1]) / (late[0] - early[0])
              for number, early in enumerate(points) for late in points[number + 1:]
              if late[0] > early[0]]
    return statistics.median(slopes) if slopes else 0.


def step(points):
    quarter = max(len(points) // 4, 1)
    return (statistics.median(value for _, value in points[-quarter:]) -
            statistics.median(value for _, value in points[:quarter]))


def look(kind, points, since):
    """Points are (ms, value), in order; what came before `since` is not looked at.  None: they are
    too few to say anything."""
    half = [point for point in points if point[0] >= since]
    if len(half) < FEWEST:
        return None
    medians = spans(half)
    hours = (half[-1][0] - since) / 3.6e6
    anyway, hourly = BOUNDS[kind]
    steepness = slope(medians)
    grew, bound = max(steepness * hours, step(medians)), anyway + hourly * hours
    return {'kind': kind, 'begin': medians[0][1], 'end': medians[-1][1],
            'most': max(value for _, value in half), 'slope_per_hour': round(steepness, 2),
            'grew': round(grew, 2), 'bound': round(bound, 2), 'flat': grew <= bound}
