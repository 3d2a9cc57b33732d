#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""schedule.py SEED MINUTES: random episodes, a line each, from a table of faults on standard input.

The table has a line a fault: ID, how long it stands in ms, and what it touches, `-` for nothing.  An
episode is a name and ID:DELAY:HOLD of each of its faults.  The same seed makes the same episodes,
however many of them there is time for.
"""
import random
import sys

SHORTEST_S = 3      # no episode is over sooner


def read(lines):
    faults = []
    for line in lines:
        name, hold, *touches = line.split()
        faults.append((name, int(hold), {word for word in touches if word != '-'}))
    return faults


def fits(fault, chosen):
    """What touches the same thing at the same time would undo the other's work."""
    for other in chosen:
        if 'all' in fault[2] | other[2] or fault[2] & other[2] or fault[0] == other[0]:
            return False
    return True


def episode(number, faults, dice):
    wanted = dice.choices((1, 2, 3), (3, 5, 2))[0]
    chosen = []
    for fault in dice.sample(faults, len(faults)):
        if len(chosen) < wanted and fits(fault, chosen):
            chosen.append(fault)
    entries = ['%s:%d:%d' % (name, dice.randrange(0, 1500) if place else 0,
                             dice.randrange(hold // 2, hold * 3 // 2 + 1))
               for place, (name, hold, _) in enumerate(chosen)]
    return '%03d-%s %s' % (number, '+'.join(fault[0] for fault in chosen), ' '.join(entries))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    dice, faults = random.Random(int(sys.argv[1])), read(sys.stdin)
    for number in range(1, int(float(sys.argv[2]) * 60 / SHORTEST_S) + 1):
        print(episode(number, faults, dice))


if __name__ == '__main__':
    main()
