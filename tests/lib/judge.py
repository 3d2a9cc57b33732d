#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Judges a history that tests/tools/witness.c has written.

judge.py owners HISTORY             who answered when, a line a station and a turn; fails when two
                                    stations answered one question
judge.py two HISTORY [SINCE-US]     for how many ms two stations answered at most, in one go
judge.py dark HISTORY [SINCE-US]    the longest time in ms without an answer
judge.py announced HISTORY SINCE-US ADDRESS MAC   ms from then to the first announcement that
                                    ADDRESS is at MAC, whoever made it; fails when there is none
judge.py adverts HISTORY PORT       the longest time in ms between two of its adverts

SINCE-US: microseconds of the wall clock.
"""
import sys


class Address:
    """What was asked and answered for one address."""

    def __init__(self):
        self.asked = {}
        self.answers = {}
        self.announced = []

    def owners(self):
        """(time, stations) of each question, in order."""
        return [(at, sorted(self.answers.get(number, ())))
                for number, at in sorted(self.asked.items())]


def node(port):
    return port.split('-')[0]


def read(path):
    addresses, adverts = {}, []
    with open(path, encoding='ascii') as lines:
        for line in lines:
            if not line.endswith('\n'):
                break
            time, kind, *rest = line.split()
            time = int(time)
            if kind == 'advert':
                adverts.append((time, rest[0], int(rest[1]), rest[2]))
                continue
            address = addresses.setdefault(rest[0], Address())
            if kind == 'ask':
                address.asked[int(rest[1])] = time
            elif kind == 'answer':
                address.answers.setdefault(int(rest[1]), {})[rest[2]] = time
            elif kind == 'announce':
                address.announced.append((time, rest[2]))
    return addresses, adverts


def turns(owners):
    """Runs of questions with the same answer: [first, last, stations, count]."""
    runs = []
    for time, stations in owners:
        if runs and runs[-1][2] == stations:
            runs[-1][1] = time
            runs[-1][3] += 1
        else:
            runs.append([time, time, stations, 1])
    return runs


def tell_owners(addresses):
    double = 0
    if not any(address.answers for address in addresses.values()):
        print('nobody ever answered: nothing was judged')
        return 1
    for text, address in sorted(addresses.items()):
        runs = turns(address.owners())
        begin = runs[0][0] if runs else 0
        for first, last, stations, count in runs:
            double += count if len(stations) > 1 else 0
            print('%-14s %9.1f ms to %9.1f ms  %6d  %s%s' % (
                text, (first - begin) / 1e3, (last - begin) / 1e3, count,
                ' and '.join(map(node, stations)) or 'nobody',
                '   TWO OWNERS' if len(stations) > 1 else ''))
    print('%d questions answered by two stations' % double)
    return 1 if double else 0


def longest(addresses, since, fits):
    most = 0
    for address in addresses.values():
        owners = [entry for entry in address.owners() if entry[0] >= since]
        runs = turns(owners)
        for number, (first, last, stations, _) in enumerate(runs):
            if not fits(stations):
                continue
            # Up to the next question: an overlap or a gap lasts longer than what was seen of it.
            end = runs[number + 1][0] if number + 1 < len(runs) else last
            most = max(most, end - first)
    return most / 1e3


def announced(address, since, mac):
    times = [time - since for time, at in address.announced if time >= since and at == mac]
    return min(times) / 1e3 if times else None


def pauses(adverts, port):
    times = [time for time, _, _, by in adverts if by == port]
    return max((b - a for a, b in zip(times, times[1:])), default=0) / 1e3


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    verb, path, *rest = sys.argv[1:]
    addresses, adverts = read(path)
    since = int(rest[0]) if rest and rest[0].isdigit() else 0
    if verb == 'owners':
        sys.exit(tell_owners(addresses))
    elif verb == 'two':
        print(longest(addresses, since, lambda stations: len(stations) > 1))
    elif verb == 'dark':
        print(longest(addresses, since, lambda stations: not stations))
    elif verb == 'announced':
        took = announced(addresses.get(rest[1], Address()), since, rest[2])
        if took is None:
            sys.exit('%s was not announced at %s' % (rest[1], rest[2]))
        print(took)
    elif verb == 'adverts':
        print(pauses(adverts, rest[0]))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main()
