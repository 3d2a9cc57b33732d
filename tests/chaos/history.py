# SPDX-License-Identifier: BSD-2-Clause
"""What an episode left behind: one directory, a file of JSON lines for each who wrote.

history.out is the runner's: faults, when each was injected and healed, and how the pair was after it.
The others are the clients', the meters' and the witness's.
"""
import glob
import importlib.util
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from records import lines


def reader_of_witness():
    """tests/lib/judge.py, which has the name of the judge beside us."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib', 'judge.py')
    spec = importlib.util.spec_from_file_location('witness', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


witness = reader_of_witness()
METERS = ('history', 'machine', 'witness', 'echo', 'control', 'probe', 'control-probe', 'fresh',
          'watch-1', 'watch-2', 'account-1', 'account-2', 'passage', 'overhear', 'channel-1',
          'channel-2', 'badwire-1', 'badwire-2')
WHOLE_RUN = ('chat', 'bulk', 'rpc', 'mapi')    # their sessions are counted at the begin
SILENT_MS = 2000
STALL_EDGES = (200, 500, 1000, 2000, 5000)


def text(path):
    """What a daemon has logged; nothing where nothing was kept."""
    if not os.path.exists(path):
        return ''
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


class History:
    def __init__(self, directory):
        self.directory = directory
        self.events = lines(directory + '/history.out')
        self.begin = self.one('begin')
        self.faults = {event['id']: event for event in self.all('fault')}
        self.addresses, _ = witness.read(directory + '/witness.out')
        self.watch = {node: lines('%s/watch-%d.out' % (directory, node)) for node in (1, 2)}
        self.accounts = {node: lines('%s/account-%d.out' % (directory, node)) for node in (1, 2)}
        self.passage = lines(directory + '/passage.out')
        self.overheard = lines(directory + '/overhear.out')
        self.channel = {node: lines('%s/channel-%d.out' % (directory, node)) for node in (1, 2)}
        self.badwire = {node: lines('%s/badwire-%d.out' % (directory, node)) for node in (1, 2)}
        self.syncd_logs = {node: text('%s/syncd-%d.log' % (directory, node)) for node in (1, 2)}
        names = [os.path.basename(path)[:-len('.out')] for path in glob.glob(directory + '/*.out')]
        self.clients = {name: lines('%s/%s.out' % (directory, name)) for name in sorted(names)
                        if name not in METERS}

    def all(self, name):
        return [event for event in self.events if event['event'] == name]

    def one(self, name):
        """The last of these events, or nothing."""
        return (self.all(name) or [None])[-1]

    def of(self, name, fault):
        return next((event for event in self.all(name) if event.get('id') == fault), None)

    def meter(self, name):
        return (lines('%s/%s.out' % (self.directory, name)) or [{}])[-1]

    def total(self, name):
        return next((line for line in reversed(lines('%s/%s.out' % (self.directory, name)))
                     if line.get('event') == 'total'), {})

    def of_clients(self, kind):
        """(client, event) of all sessions."""
        return [(name, event) for name, events in self.clients.items() for event in events
                if event.get('event') == kind]

    def sessions(self):
        """How many there were: those of the whole run, and who joined."""
        count = self.begin['sessions'] if self.begin else 0
        for name, events in self.clients.items():
            if name not in WHOLE_RUN:
                count += sum(event['sessions'] for event in events if event.get('event') == 'total')
        return count

    def stalls(self):
        """Of each stall of a session the begin, the end, both in ms, and whose it was."""
        return [(event['t'] - event['ms'], event['t'], '%s %s' % (name, event['session']))
                for name, event in self.of_clients('stall')]

    def gaps(self):
        """(begin, end) of each time in which no new connection came to be."""
        return [(event['t'] - event['ms'], event['t'])
                for event in lines(self.directory + '/probe.out') if event['event'] == 'gap']

    def server_of_clients(self):
        """client address -> {member} over the ports of one affinity group, by the active node.  Of the
        sessions that talk: what a dead server left behind is silent."""
        found = {}
        path = self.directory + '/sessions.json'
        for session in (lines(path) or [{}])[0].get('sessions', []):
            if (session.get('state') == 'established' and session['service'] in ('chat', 'bulk') and
                    session.get('idle_ms', 0) < SILENT_MS):
                source = session['client'].rsplit(':', 1)[0]
                found.setdefault(source, set()).add(session.get('member'))
        return found


def histogram(stalls):
    """How many sessions had their longest wait up to each edge, and above."""
    longest = {}
    for begin, end, session in stalls:
        longest[session] = max(longest.get(session, 0), end - begin)
    names = ['up to %d ms' % edge for edge in STALL_EDGES] + ['longer']
    counts = dict.fromkeys(names, 0)
    for wait in longest.values():
        counts[names[sum(wait > edge for edge in STALL_EDGES)]] += 1
    return counts


def runs(directory):
    """The directories of all episodes that were judged, in the order in which they were played."""
    found = glob.glob(directory + '/runs/*/verdict.json')
    found = [os.path.dirname(path) for path in found]
    return sorted(found, key=lambda path: lines(path + '/history.out')[0]['t'])
