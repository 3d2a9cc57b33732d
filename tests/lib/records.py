# SPDX-License-Identifier: BSD-2-Clause
"""What a client or a meter wrote: a file of JSON lines."""
import json
import os


def lines(path):
    """All whole JSON lines of a file; one that was cut off by a kill is left out."""
    found = []
    if os.path.exists(path):
        with open(path, encoding='utf-8', errors='replace') as file:
            for line in file:
                try:
                    found.append(json.loads(line))
                except ValueError:
                    pass
    return found
