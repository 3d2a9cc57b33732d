#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Registers interfaces in a running Samba's endpoint mapper, as Exchange would.

    epmdb.py LOCK-DIRECTORY INTERFACE[=PORT]...

INTERFACE is emsmdb, nspi or rfr; without a port it is taken out again.  The mapper reads its table
at each question and looks for minor version 0.  A restart of Samba empties the table.
"""
import os
import sys

import tdb

KEYS = {
    'emsmdb': 'a4f1db00-ca47-1067-b31f-00dd010662da/0x00000000',
    'nspi': 'f5cc5a18-4264-101a-8c59-08002b2f8426/0x00000038',
    'rfr': '1544f5e0-613c-11d1-93df-00c04fd7bd09/0x00000001',
}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    table = tdb.open(os.path.join(sys.argv[1], 'epmdb.tdb'))
    for word in sys.argv[2:]:
        name, _, port = word.partition('=')
        key = KEYS[name].encode() + b'\0'
        if port:
            table[key] = name.encode() + b'\0ncacn_ip_tcp:[' + port.encode() + b']\0'
        elif key in table:
            del table[key]
    table.close()


if __name__ == '__main__':
    main()
