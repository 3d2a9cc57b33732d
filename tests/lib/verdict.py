#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Of `pairctl -j members` on standard input: verdict.py MEMBER POOL prints "up" or "down" and the check."""
import json
import sys


def main():
    member, pool = sys.argv[1:]
    for entry in json.load(sys.stdin)['members']:
        if entry['name'] != member:
            continue
        for verdict in entry['pool']:
            if verdict['pool'] == pool:
                print('up' if verdict.get('up') else 'down', verdict.get('check', ''))


if __name__ == '__main__':
    main()
