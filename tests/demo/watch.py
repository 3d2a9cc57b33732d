#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""watch.py [--positions] PAIRCTL RUN-DIR...: asks each node for its state ten times a second, until killed.

One JSON object a line, whenever something has changed: {"t", "node", "role", "epoch", "sync",
"lag_ms", "flows"}; with --positions also "history" and "seq", how far its tables are in the log of
replication.  A node that does not answer is "down".
"""
import json
import os
import subprocess
import sys
import time


def position(sync):
    seq = sync.get('head_seq') if 'acked_seq' in sync else sync.get('applied_seq')
    return {'history': sync['history'], 'seq': seq} if 'history' in sync and seq is not None else {}


def ask(pairctl, run_dir, positions):
    if not os.path.exists(run_dir + '/vrrpd.sock'):
        return {'role': 'down', 'sync': '', 'flows': 0}
    try:
        answer = subprocess.run([pairctl, '--run-dir', run_dir, '-j', 'status'], timeout=2,
                                capture_output=True, check=False).stdout
        status = json.loads(answer)
        sync = status.get('sync', {})
        return {'role': status['vrrp']['role'], 'epoch': status['vrrp'].get('epoch', 0),
                'sync': sync.get('state', ''), 'lag_ms': round(sync.get('lag_ms', 0)),
                'flows': status.get('lbd', {}).get('flows', 0), **(position(sync) if positions else {})}
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return {'role': 'down', 'sync': '', 'flows': 0}


def main():
    words = [word for word in sys.argv[1:] if word != '--positions']
    if len(words) < 2:
        sys.exit(__doc__)
    last = {}
    while True:
        start = time.monotonic()
        for number, run_dir in enumerate(words[1:], 1):
            state = ask(words[0], run_dir, '--positions' in sys.argv)
            if state != last.get(number):
                last[number] = state
                print(json.dumps({'t': round(time.time() * 1000), 'node': number, **state}),
                      flush=True)
        time.sleep(max(0.02, 0.1 - (time.monotonic() - start)))


if __name__ == '__main__':
    main()
