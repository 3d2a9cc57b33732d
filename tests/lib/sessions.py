#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sessions.py: `pairctl -j sessions` on standard input, as sorted lines "CLIENT VIP MEMBER"."""
import json
import sys


def lists(data):
    """The session records, whatever the object around them is called."""
    if isinstance(data, dict) and 'client' in data:
        yield data
    elif isinstance(data, (dict, list)):
        for value in data.values() if isinstance(data, dict) else data:
            yield from lists(value)


for line in sorted('%s %s %s' % (s['client'], s['vip'], s.get('member', '?'))
                   for s in lists(json.load(sys.stdin))):
    print(line)
