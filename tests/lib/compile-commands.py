#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""compile-commands.py COMMAND SOURCE...: the compilation database that editors and tidy read."""
import json
import os
import sys

if len(sys.argv) < 2:
    sys.exit(__doc__)
command, sources = sys.argv[1], sys.argv[2:]
entries = [{'directory': os.getcwd(), 'file': source, 'command': '%s -c %s' % (command, source)}
           for source in sources]
json.dump(entries, sys.stdout, indent=1)
print()
