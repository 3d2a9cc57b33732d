#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""field.py PATH...: prints the values at dotted paths of the JSON object on standard input."""
import json
import sys


def value(data, path):
    for name in path.split('.'):
        try:
            data = data[int(name)] if isinstance(data, list) else data[name]
        except (KeyError, IndexError, ValueError, TypeError):
            return ''
    return str(data).lower() if isinstance(data, bool) else str(data)


def main():
    try:
        data = json.load(sys.stdin)
    except ValueError:
        sys.exit(1)
    print(*(value(data, path) for path in sys.argv[1:]))


if __name__ == '__main__':
    main()
