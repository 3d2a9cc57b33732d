#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""counter.py NAME: the value of a counter of lbd in the answer of `pairctl -j status` on stdin."""

import json
import sys

counters = json.load(sys.stdin).get("lbd", {}).get("counter", [])
print(sum(int(counter["value"]) for counter in counters if counter["name"] == sys.argv[1]))
