# SPDX-License-Identifier: BSD-2-Clause
"""I6: no record is accepted that the peer did not send, twice, or out of order.

What the nodes said on their channel and what the other one heard stand in `overhear`, from taps at
both ends (tests/overhear): for each direction of each connection, how many whole frames were said, how
many of them arrived unaltered and in order, and of how many the hearing kernel has taken all bytes.
What a node's syncd accepted is its own word: in its log for a connection that has ended, in its status
for the one that lives.  A frame opens only under the number that it was sealed with.  So as many as
arrived, and no more, are the peer's own, each once and in order.
"""
import collections
import re

END = re.compile(r'channel: connection of \S+ port (\d+) to \S+ port (\d+) ended: ([a-z-]+); '
                 r'(\d+) frames sent, (\d+) received')
PORT = 7790         # of the node that listens
READ_ALL = ('lost', 'silent')   # ends at which it had read what its kernel had, if that said so
STANDS_STILL = {'all', 'daemons', 'node', 'cpu', 'disk'}    # where a fault touches these
GREETINGS = ('hello', 'header', 'noise')
# Why a node gives up a greeting that was spoilt, at either side of it.
REFUSALS = ('bad-version', 'bad-length', 'bad-tag', 'bad-seal', 'bad-hello', 'wrong-node', 'bad-psk',
            'refused-by-peer')
QUIET_MS = 1000     # a connection that lives is heard eight times a second
ASKED_MS = 2500     # the longest that an answer of status may be on its way


class Talk:
    """One direction of a connection: `line` is the last word about it, `early` the first of those at
    the end of an episode, before the nodes were asked."""

    def __init__(self, line):
        self.port, self.to, self.begun = line['port'], line['to'], line['begun']
        self.line = self.early = line
        self.ended = None       # by the word of the node that hears

    def __getattr__(self, name):
        return self.__dict__['line'][name]

    @property
    def altered(self):
        return self.line.get('altered')

    @property
    def spoilt(self):
        """A frame with an altered byte in it was taken whole, or the greeting was."""
        return self.altered is not None and (self.line['part'] in GREETINGS or
                                             self.taken > self.arrived)

    def lives(self):
        return (not self.end and self.early is not self.line and self.early['event'] == 'now' and
                self.line['t'] - self.heard < QUIET_MS)

    def __str__(self):
        return 'port %d to lb%d' % (self.port, self.to)


class End:
    """A connection's end, as the syncd of `node` has logged it."""

    def __init__(self, node, match):
        own, peer = int(match[1]), int(match[2])
        self.node, self.port = node, peer if own == PORT else own
        self.why, self.sent, self.received = match[3], int(match[4]), int(match[5])
        self.talk = None


def talks_of(lines):
    """All that was overheard, by port and direction; of a port that was used twice, both."""
    found = {}
    for line in lines:
        if line.get('event') not in ('now', 'end'):
            continue
        key = line['port'], line['to'], line['begun']
        if key in found:
            found[key].line = line
        else:
            found[key] = Talk(line)
    talks = {}
    for (port, to, _), talk in found.items():
        talks.setdefault((port, to), []).append(talk)
    return talks


def ends_of(logs):
    """All but those of connections that nothing came through."""
    ends = [End(node, match) for node, text in logs.items() for match in END.finditer(text)]
    return [end for end in ends if end.sent or end.received or end.why == 'bad-frame']


class Channel:
    def __init__(self, history):
        self.talks = talks_of(history.overheard)
        self.told = [line for line in history.overheard if line.get('event') == 'told']
        self.ends = ends_of(history.syncd_logs)
        self.status = history.channel
        self.forged = [line for node in (1, 2) for line in history.badwire[node]
                       if line.get('event') == 'forged']
        self.touches = {word for fault in history.faults.values()
                        for word in fault['touches'].split()}
        self.watch = history.watch
        begin, end = history.begin, history.one('end')
        self.lasted_ms = end['t'] - begin['t'] if begin and end else 0
        self.pair()

    def blind(self):
        """How many frames were lost to the taps meanwhile; what they may belong to is unclear."""
        return self.told[-1]['unread'] - self.told[0]['unread']

    def all_talks(self):
        return [talk for talks in self.talks.values() for talk in talks]

    def pair(self):
        """Each logged end with what was overheard.  A port may be used again; then it must be clear
        which one is which."""
        ends = {}
        for end in self.ends:
            ends.setdefault((end.port, end.node), []).append(end)
        for place, those in ends.items():
            talks = [talk for talk in self.talks.get(place, []) if self.carried(talk)]
            if len(talks) == len(those):
                for talk, end in zip(talks, those):
                    talk.ended, end.talk = end, talk

    def carried(self, talk):
        """Frames, in either direction; else an end has nothing to say."""
        return any(one.sent for to in (1, 2) for one in self.talks.get((talk.port, to), [])
                   if one.begun == talk.begun)

    def other_end(self, end):
        """What the peer has logged of the same connection."""
        talks = self.talks.get((end.port, 3 - end.node), [])
        return next((talk.ended for talk in talks if talk.begun == end.talk.begun), None)

    def refused(self, node, names):
        """How many more there are in the last status than in the first; None: another process."""
        said = [line['sync'] for line in self.status[node] if 'sync' in line]
        if len(said) < 2 or said[-1]['up_ms'] < self.lasted_ms:
            return None
        first, last = ({entry['name']: int(entry['value']) for entry in sync.get('refused', [])}
                       for sync in (said[0], said[-1]))
        return sum(last.get(name, 0) - first.get(name, 0) for name in names)


# --- one direction of one connection ------------------------------------------------------------

def faults_of_end(channel, talk, end):
    """In words, what `end` says that cannot be."""
    peer = channel.other_end(end)
    if end.received > talk.arrived:
        yield '%s: %d frames accepted, and %d arrived as they were sent' % (
            talk, end.received, talk.arrived)
    if peer and (end.received > peer.sent or talk.sent > peer.sent):
        yield '%s: %d frames accepted and %d overheard, and its peer sent %d' % (
            talk, end.received, talk.sent, peer.sent)
    if end.why == 'bad-frame' and (talk.altered is None or end.received != talk.arrived):
        yield '%s: a frame was refused after %d, and %d arrived as they were sent' % (
            talk, end.received, talk.arrived)
    if talk.altered is None and passed_over(talk, end):
        yield '%s: %d frames accepted until it was %s, and %d were there' % (
            talk, end.received, end.why, talk.taken)
    if (talk.spoilt and talk.part == 'body' and talk.end == 'closed' and
            end.received == talk.arrived and end.why != 'bad-frame'):
        yield '%s: an altered frame was read and not refused: %s' % (talk, end.why)


def passed_over(talk, end):
    """It had read all that its kernel had, and did not accept all of it."""
    return end.why in READ_ALL and talk.end == 'closed' and end.received != talk.taken


def left_over(channel, talk, end):
    """How many frames were there when it was given up and no FIN got out to say that they were read, as
    with a cut cable.  What stood still may have left any number."""
    if talk.altered is not None or talk.end or end.why != 'silent' or channel.touches & STANDS_STILL:
        return 0
    return max(talk.taken - end.received, 0)


def judge_ends(channel, verdict):
    judged, frames = 0, 0
    for end in channel.ends:
        talk = end.talk
        if not talk or talk.unclear:
            verdict.told.append('the end of port %d at lb%d belongs to no connection that was heard '
                                'for sure' % (end.port, end.node))
            continue
        judged, frames = judged + 1, frames + end.received
        for words in faults_of_end(channel, talk, end):
            verdict.invariant('I6', False, words)
        verdict.in_time(left_over(channel, talk, end), 0,
                        'I6: %s: frames that were there and not accepted' % talk)
    return judged, frames


def judge_live(channel, verdict):
    """Those that live: asked for after the first word about them, and before the last."""
    judged, frames = 0, 0
    for node in (1, 2):
        live = [talk for talk in channel.all_talks() if talk.to == node and talk.lives() and talk.sent]
        sync = (channel.status[node] or [{}])[-1].get('sync', {})
        if len(live) != 1 or 'frames_received' not in sync or live[0].unclear:
            continue
        talk, accepted = live[0], int(sync['frames_received'])
        judged, frames = judged + 1, frames + accepted
        verdict.invariant('I6', accepted <= talk.arrived,
                          '%s: %d frames accepted, and %d arrived as they were sent' % (
                              talk, accepted, talk.arrived))
        verdict.in_time(max(talk.early['taken'] - accepted, 0), 0,
                        'I6: %s: frames that were there and not accepted' % talk)
    return judged, frames


# --- who sits in the cable ----------------------------------------------------------------------

def judge_forgeries(channel, verdict):
    """What each one came to: the first of a connection ends it, and is counted by its name."""
    altered = [talk for talk in channel.all_talks() if talk.altered is not None]
    unclear = channel.blind() or any(talk.unclear for talk in altered)
    came_to, by_kind = collections.Counter(), {}
    for line in channel.forged:
        end = fate(channel, line)
        came_to[end] += 1
        by_kind.setdefault(line['kind'], collections.Counter())[end] += 1
    verdict.figures['forged'] = by_kind
    for talk in altered:
        verdict.must(talk.unclear or any(is_in(talk, line) for line in channel.forged),
                     '%s was altered, and by nobody' % talk)
        verdict.invariant('I6', talk.end or talk.unclear or talk.ended,
                          '%s: the connection goes on after an altered byte' % talk)
    bad = [end.node for end in channel.ends if end.why == 'bad-frame']
    for node in (1, 2):
        counted = channel.refused(node, ('bad-frame',))
        verdict.invariant('I6', counted in (None, bad.count(node)), 'lb%d has counted %s bad frames '
                          'and ended %d connections for one' % (node, counted, bad.count(node)))
    if unclear or came_to['unknown']:
        verdict.told.append('I6: what some forgeries came to is not clear: %s' % dict(came_to))
        return
    verdict.invariant('I6', len(bad) == came_to['bad-frame'], '%d bad frames were refused, and %d '
                      'forgeries should have been: %s' % (len(bad), came_to['bad-frame'], came_to))
    judge_greetings(channel, verdict, altered)


def is_in(talk, forged):
    """Its first altered byte is one of those that were forged."""
    return (talk.port in (forged['from'], forged['to']) and (forged['to'] == PORT) == (talk.to == 1) and
            (talk.altered - forged['number']) % 2**32 < forged['length'])


def fate(channel, forged):
    """`behind`: its connection was spoilt already.  `unheard`: it was lost, or came too late for it."""
    to = 1 if forged['to'] == PORT else 2
    port = forged['from'] if to == 1 else forged['to']
    spoilt = [talk for talk in channel.talks.get((port, to), []) if talk.altered is not None]
    talk = next((talk for talk in spoilt if is_in(talk, forged)), None)
    if not talk:
        return 'behind' if spoilt else 'unheard'
    if talk.part in GREETINGS:
        return 'greeting refused'
    return talk.ended.why if talk.ended else 'unknown'


def judge_greetings(channel, verdict, altered):
    """A spoilt greeting is refused by one side or by both, and makes no connection."""
    ports = {talk.port for talk in altered if talk.part in GREETINGS}
    for end in channel.ends:
        verdict.invariant('I6', end.port not in ports or not end.received,
                          'port %d: lb%d accepted %d frames after a greeting that was altered' % (
                              end.port, end.node, end.received))
    # The connecting node's first frame belongs to it, and who waits in vain for an answer leaves.
    ports |= {talk.port for talk in altered if not talk.arrived}
    refused = [channel.refused(node, REFUSALS) for node in (1, 2)]
    slow = [channel.refused(node, ('slow',)) for node in (1, 2)]
    if channel.forged and None not in refused:
        verdict.invariant('I6', sum(refused) <= 2 * len(ports) + sum(slow), '%d greetings refused, and '
                          '%d were altered' % (sum(refused), len(ports)))


# --- positions ----------------------------------------------------------------------------------

def judge_positions(channel, verdict):
    """In one history positions only rise, and no node has more of it than its author."""
    heads = {}
    for node, samples in channel.watch.items():
        reached = {}
        for sample in samples:
            history, seq = sample.get('history'), sample.get('seq')
            if history is None:
                continue
            verdict.invariant('I6', seq >= reached.get(history, 0), 'lb%d: position %d of history %s '
                              'after %d' % (node, seq, history, reached.get(history, 0)))
            reached[history] = max(seq, reached.get(history, 0))
            if author(history) == node:
                heads.setdefault(history, []).append((sample['t'], seq))
    for node, samples in channel.watch.items():
        for sample in samples:
            later = [seq for t, seq in heads.get(sample.get('history'), [])
                     if t - sample['t'] > ASKED_MS]
            verdict.invariant('I6', not later or sample['seq'] <= later[0], 'lb%d has position %s of '
                              'history %s, whose author has come to %s' % (
                                  node, sample.get('seq'), sample.get('history'), later[:1]))


def author(history):
    return int(history.split('.')[1])


def judge(history, verdict):
    if history.one('uncounted'):    # another pair
        return
    channel = Channel(history)
    judge_positions(channel, verdict)
    if not verdict.must(len(channel.told) > 1, 'nobody listened on the channel'):
        return
    if channel.blind():
        verdict.told.append('I6: %d frames of the channel were lost to the taps' % channel.blind())
    ended, frames = judge_ends(channel, verdict)
    live, more = judge_live(channel, verdict)
    judge_forgeries(channel, verdict)
    verdict.figures['streams'], verdict.figures['frames_accepted'] = ended + live, frames + more
    if ended + live:
        verdict.invariant('I6', True, '')
