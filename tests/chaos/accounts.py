# SPDX-License-Identifier: BSD-2-Clause
"""Whether every frame of an episode is accounted for, by node.

The data plane promises one counter for each frame that its program sees.  The kernel counts the same
frames by what became of them, and knows no names of ours: seen, sent on, dropped, left to the stack.
Both must agree, and what was to be sent on must have left by an interface.
"""
POLL = 64           # frames of one poll of an interface: the kernel counts when it ends, we each
# Answers of our own take the place of a frame.  `answered` are counted among the drops as well.
SENT_ON = ('forwarded_in', 'forwarded_out', 'icmp_in', 'icmp_out', 'answered', 'answered_doomed',
           'answered_unknown', 'answered_closed', 'answered_source_flows')


def by_fate(counted):
    """The counters of a reading, added up by what became of the frame."""
    drops = sum(value for name, value in counted.items() if name.startswith('drop_'))
    fates = {'sent on': sum(counted[name] for name in SENT_ON),
             'dropped': drops - counted['answered'], 'left to the stack': counted['passed']}
    return {**fates, 'seen': sum(fates.values())}


def by_kernel(sums):
    sent_on = sums['redirected'] + sums['failed']   # a frame of which the redirection failed is counted so
    return {'sent on': sent_on, 'dropped': sums['dropped'],
            'left to the stack': sums['seen'] - sent_on - sums['dropped'], 'seen': sums['seen']}


def unequal(first, last):
    """In words, what both do not agree on between two readings of one node."""
    slack = POLL * len(last['interfaces'])
    ours = {fate: value - by_fate(first['counted'])[fate]
            for fate, value in by_fate(last['counted']).items()}
    found = []
    for fate, count in ours.items():
        low = by_kernel(last['before'])[fate] - by_kernel(first['after'])[fate] - slack
        high = by_kernel(last['after'])[fate] - by_kernel(first['before'])[fate] + slack
        if not low <= count <= high:
            found.append('%d frames %s, and the kernel has %d to %d' % (count, fate, low, high))
    return found


def least(first, last, name):
    """How many there were at least: what came while the counters were read is left out."""
    return last['before'][name] - first['after'][name]


def most(first, last, name):
    return last['after'][name] - first['before'][name]


def vanished(first, last):
    """Frames that were sent on, left by no interface, and were refused by none: the link was down."""
    gone = most(first, last, 'sent') + most(first, last, 'refused')
    return max(least(first, last, 'redirected') - gone, 0)


def drops(first, last):
    """By reason, how many frames were dropped."""
    counts = {name: value - first['counted'][name] for name, value in last['counted'].items()
              if name.startswith('drop_')}
    return {name: count for name, count in counts.items() if count > 0}


def began_anew(first, last):
    """It was off, or lost its power, and its counters with it."""
    return 'off' in first or 'off' in last or first['plane'] != last['plane']


def judge(history, verdict):
    if history.one('uncounted'):
        return
    told = verdict.figures['accounts'] = {}
    for node, readings in history.accounts.items():
        if not verdict.must(len(readings) >= 2, 'lb%d: nobody has read its counters' % node):
            continue
        first, last = readings[0], readings[-1]
        if began_anew(first, last) or not last['interfaces']:   # which another hook has none of
            continue
        wrong = unequal(first, last)
        for words in wrong:
            verdict.must(False, 'lb%d: %s' % (node, words))
        if wrong:
            continue
        told['lb%d' % node] = {'seen': most(first, last, 'seen'), 'dropped': drops(first, last),
                               'refused': most(first, last, 'refused'),
                               'vanished': vanished(first, last)}
    judge_sent(history, verdict, told)
    judge_passage(history, verdict)


def judge_passage(history, verdict):
    """I7: who kills a daemon loses no packet of those that were there.  By a tap on the switch."""
    lines = [line for line in history.passage if line['event'] != 'listens']
    if not verdict.must(lines and lines[-1]['event'] == 'total', 'nobody listened on the switch'):
        return
    total = lines[-1]
    stayed = [line for line in lines if line['event'] == 'lost']
    ports = [line for line in lines if line['event'] == 'port']
    verdict.figures['segments'], verdict.figures['segments_lost'] = total['segments'], total['lost']
    verdict.figures['wire_dropped'] = sum(port['dropped'] for port in ports)
    touched = {word for fault in history.faults.values() for word in fault['touches'].split()}
    words = '%d of %d segments went into a node and stayed: %s' % (
        total['lost'], total['segments'], stayed[:3])
    if total['unread']:
        verdict.told.append('%d frames were too many for the tap on the switch' % total['unread'])
    elif total['lost'] and verdict.starved_ms():    # who is not let read his ring loses frames
        verdict.told.append(words)
    elif touched and touched <= {'daemons', 'channel', 'disk'}:
        verdict.invariant('I7', not total['lost'] or dropped_by_wire(total, ports), words)
        if total['lost'] and verdict.held['I7']:
            verdict.told.append('dropped before the node, of its frames %s: %s' % (
                [port['dropped'] for port in ports if port['lost']], words))


def dropped_by_wire(total, ports):
    """Whether each that is missing may be one of those that the kernel could not put into the ring of the
    very port by which it went to the node: no program has seen these."""
    return (total['lost'] == sum(port['lost'] for port in ports) and
            all(port['lost'] <= port['dropped'] for port in ports))


def judge_sent(history, verdict, told):
    """What was to be sent on has left, where no fault touched the wires."""
    touched = {word for fault in history.faults.values() for word in fault['touches'].split()}
    if touched & {'node', 'lan', 'all', 'members'}:
        return
    for name, account in told.items():
        verdict.must(account['vanished'] <= 2 * POLL, '%s: %d frames were sent on, and never left' % (
            name, account['vanished']))
