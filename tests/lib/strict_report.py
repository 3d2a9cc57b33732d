#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""strict_report.py LOG-DIR REPORT HOW: what connect() takes with and without strict mode."""

import json
import os
import statistics
import sys

log, report, how = sys.argv[1:4]


def medians(port):
    """The medians of all rounds: the best of them are the ones that nobody else has disturbed."""
    with open(f"{log}/time-{port}.out", encoding="utf-8") as lines:
        return [json.loads(line)["p50_us"] for line in lines]


def beats():
    with open(f"{log}/beats.out", encoding="utf-8") as lines:
        return [float(line) * 1000 for line in lines if line.strip()]


plain, strict, trips = medians(7001), medians(7000), beats()
figures = {
    "connect_async_p50_us": statistics.median(plain),
    "connect_strict_p50_us": statistics.median(strict),
    "added_p50_us": statistics.median(strict) - statistics.median(plain),
    "channel_round_trip_p50_us": statistics.median(trips) if trips else None,
}
with open(report, "w", encoding="utf-8") as out:
    json.dump({"figures": figures, "environment": {
        "replicate": how, "kernel": os.uname().release, "cpus": os.cpu_count()}}, out, indent=1)
    out.write("\n")
print(f"connect(): async {figures['connect_async_p50_us']:.0f} us, "
      f"{how} {figures['connect_strict_p50_us']:.0f} us; "
      f"the channel's round trip: {figures['channel_round_trip_p50_us'] or 0:.0f} us")
