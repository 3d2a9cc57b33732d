#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks who includes whom.

    proto  <-  conf  <-  lbd | syncd | vrrp          tests may include anything

The daemons never see each other's headers; the BPF program sees its own headers and
proto/flow*.h only; each library is used in the files named here and nowhere else; no header reaches itself.
`includes.py --self-test` runs the rules over planted violations.
"""
import os
import re
import sys

LAYERS = {      # folder: folders it may include
    'proto': {'proto'},
    'conf': {'conf', 'proto'},
    'lbd': {'lbd', 'conf', 'proto'},
    'syncd': {'syncd', 'conf', 'proto'},
    'vrrp': {'vrrp', 'conf', 'proto'},
}
GENERATED = {   # generated header: folder it belongs to
    'request.pb-c.h': 'proto', 'sync.pb-c.h': 'proto', 'schema.pb-c.h': 'conf',
    'answer.pb-c.h': 'conf', 'bundle.pb-c.h': 'conf', 'caspair.skel.h': 'lbd', 'caspair_tc.skel.h': 'lbd',
}
DOORS = [       # library header, files that may include it
    (r'bpf/libbpf\.h', r'lbd/(dataplane|hook)\.[ch]'),
    (r'caspair\.skel\.h', r'lbd/dataplane\.[ch]'),
    (r'bpf/bpf\.h', r'lbd/[^/]*\.[ch]|conf/places\.c|syncd/table\.c'),
    (r'netlink/.*', r'(vrrp|lbd)/[^/]*\.[ch]'),
    (r'sodium\.h', r'proto/seal\.c|conf/[^/]*\.c'),
    (r'ares\.h', r'lbd/check/name\.c'),
]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
# The choice of a member is one header for the BPF program, the daemon and the tests; so is what
# lbd carries from table to table.
SHARED_WITH_USER_SPACE = {'lbd/bpf/choice.h', 'lbd/bpf/carried.h', 'lbd/bpf/place.h'}


def owner(name):
    """The folder of ours that a header belongs to, or None for everybody else's."""
    if name in GENERATED:
        return GENERATED[name]
    folder = name.split('/')[0]
    return folder if '/' in name and folder in LAYERS else None


def bpf_faults(path, name):
    if name.startswith(('linux/', 'bpf/', 'asm/')) or name.startswith('proto/flow') or '/' not in name:
        return []
    if os.path.dirname(name) == 'lbd/bpf':
        return []
    return ['%s: the BPF program may not include %s' % (path, name)]


def faults_of(path, name):
    folder = path.split('/')[0]
    if path.startswith('lbd/bpf/'):
        return bpf_faults(path, name)
    faults = []
    whose = owner(name)
    if whose and whose not in LAYERS[folder]:
        faults.append('%s: %s/ may not include %s' % (path, folder, name))
    if name.startswith('lbd/bpf/') and name not in SHARED_WITH_USER_SPACE:
        faults.append('%s: %s is the BPF program\'s own' % (path, name))
    for library, files in DOORS:
        if re.fullmatch(library, name) and not re.fullmatch(files, path):
            faults.append('%s: %s has another door' % (path, name))
    return faults


def circles(graph):
    """Headers that include themselves by way of others; each circle once."""
    found, done = [], set()

    def walk(header, trail):
        if header in trail:
            found.append(' -> '.join(trail[trail.index(header):] + [header]))
        elif header not in done:
            for other in graph.get(header, ()):
                walk(other, trail + [header])
            done.add(header)

    for header in sorted(graph):
        walk(header, [])
    return ['circle of headers: ' + circle for circle in found]


def check(files):
    """files: path -> text.  All faults."""
    faults, graph = [], {}
    for path, text in sorted(files.items()):
        names = []
        for quote, name in INCLUDE.findall(text):
            if quote == '"' and '/' not in name and name not in GENERATED:
                name = os.path.dirname(path) + '/' + name
                if not path.startswith('lbd/bpf/'):
                    faults.append('%s: write the path of %s from the root' % (path, name))
            names.append(name)
            faults += faults_of(path, name)
        if path.endswith('.h'):
            graph[path] = names
    return faults + circles(graph)


def read_tree():
    files = {}
    for layer in LAYERS:
        for folder, _, names in os.walk(layer):
            for name in names:
                if name.endswith(('.c', '.h')):
                    path = os.path.join(folder, name)
                    with open(path, encoding='utf-8') as source:
                        files[path] = source.read()
    return files


def self_test():
    planted = {
        'proto/a.c': '#include "conf/log.h"\n',
        'lbd/a.c': '#include "vrrp/fsm.h"\n',
        'lbd/b.c': '#include <bpf/libbpf.h>\n',
        'vrrp/a.c': '#include <sodium.h>\n',
        'conf/a.h': '#include "conf/b.h"\n',
        'conf/b.h': '#include "conf/a.h"\n',
        'syncd/a.c': '#include "session.h"\n',
        'lbd/bpf/a.h': '#include "conf/log.h"\n',
        'syncd/b.c': '#include "schema.pb-c.h"\n#include <stdio.h>\n',
    }
    faults = check(planted)
    if len(faults) != 7:
        sys.exit('self-test: expected 7 faults, got\n  ' + '\n  '.join(faults))
    print('7 planted faults found, nothing else')


def main():
    if sys.argv[1:] == ['--self-test']:
        self_test()
        return
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
    faults = check(read_tree())
    print('\n'.join(faults) if faults else 'includes: every file keeps to its layer')
    sys.exit(1 if faults else 0)


if __name__ == '__main__':
    main()
