#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads the history of an episode and says the verdict; has no other knowledge of the run.

judge.py [--tell-times] DIRECTORY

Writes DIRECTORY/verdict.json and prints what was done, what clients saw, and the verdict.  Exit
status 1 when a limit of the faults, or an invariant, was not kept.  --tell-times: what took too long
is told and not condemned, for a machine that is not quiet.
"""
import json
import sys

import accounts
import channel
from history import History, histogram, witness

MUTE_MS = 5000      # a session that waits for longer is lost to who uses it
BESIDE_MS = 150     # an isolated node answers until it hears the other one's next advert
UNDER_WAY_MS = 500  # that a new connection is silent
NO_CHANNEL = ('', 'stale', 'alone')  # states of replication in which nothing is heard of the peer
STARVED_MS = 150    # who was hurt by nobody, or a processor, was kept waiting for so long: it has other work


class Verdict:
    def __init__(self, tell_times):
        self.tell_times = tell_times
        self.wrong, self.told = [], []
        self.held, self.figures = {}, {}

    def starved_ms(self):
        """What the machine took from everybody, by the bystander's word or by its processors'."""
        gap = max(self.figures.get('control_gap_ms') or 0, self.figures.get('standstill_ms') or 0)
        return gap if gap >= STARVED_MS else 0

    def tells_times(self):
        return self.tell_times or self.starved_ms() > 0

    def must(self, true, words):
        if not true:
            self.wrong.append(words)
        return true

    def in_time(self, value, limit, words):
        """A limit of time; value None is never."""
        if limit == 'any' or (value is not None and value <= limit):
            return
        text = '%s: %s, over %s' % (words, 'never' if value is None else '%.1f' % value, limit)
        (self.told if self.tells_times() else self.wrong).append(text)

    def invariant(self, name, true, words):
        self.held[name] = self.held.get(name, True) and bool(true)
        return self.must(true, '%s: %s' % (name, words))


def number(text):
    return 'any' if text == 'any' else float(text or 0)


def wires_cut(history):
    return {wire for fault in history.faults.values() for wire in fault['cuts'].split()}


def stands_still_alone(faults):
    """One wounds the LAN while another one stops daemons: who cannot be heard and does not notice it
    is as isolated as in N7, and back before its lease ends."""
    lan = [fault for fault in faults if 'lan' in fault['touches'].split()]
    return any(other is not fault and {'daemons', 'cpu'} & set(other['touches'].split())
               for fault in lan for other in faults)


def limits(history):
    """Those of one fault; of several at once the most that any allows, and blackouts add up."""
    faults = list(history.faults.values())
    together = {'lost': 0, 'dark_ms': 0, 'connect_ms': 0, 'two_ms': 0, 'heal_s': 0}
    for name in together:
        values = [number(fault[name]) for fault in faults]
        if 'any' in values:
            together[name] = 'any'
        elif name == 'lost':
            together[name] = sum(values)
        else:
            together[name] = max(values, default=0)
    if len(faults) > 1:
        together['dark_ms'] = together['connect_ms'] = 'any'
        together['heal_s'] += 10
        if stands_still_alone(faults) and together['two_ms'] != 'any':
            together['two_ms'] = max(together['two_ms'], BESIDE_MS)
    healed = [number(fault['two_healed_ms']) for fault in faults if fault['two_healed_ms']]
    together['two_healed_ms'] = max(healed, default=0)
    if {'lan', 'channel'} <= wires_cut(history):    # nothing passes between: no fence can be built
        together['two_ms'] = 'any'
        together['two_healed_ms'] = max(together['two_healed_ms'], 1500)
    return together


def judge_machine(history, verdict):
    """What a bystander missed, whom no fault touches, and whether a processor stood still."""
    verdict.figures['standstill_ms'] = history.total('machine').get('longest_ms', 0)
    verdict.figures['control_ms'] = history.meter('control').get('dark_ms', 0)
    verdict.figures['control_gap_ms'] = history.total('control-probe').get('longest_gap_ms', 0)


# --- what the runner saw ------------------------------------------------------------------------

def judge_faults(history, verdict):
    if verdict.must(history.begin and history.faults and history.one('end'),
                    'the record has no end'):
        verdict.figures['segments_repeated'] = (history.one('end')['segments'] -
                                                history.begin['segments'])
    for event in history.all('broken'):
        verdict.must(False, '%s: %s failed: %s' % (event['id'], event['part'], event['why']))
    alone = len(history.faults) == 1
    for fault in history.faults.values():
        name = fault['id']
        if history.of('without_effect', name):
            (verdict.wrong if alone else verdict.told).append('%s: had no effect' % name)
        if not fault['alarm']:
            continue
        alarm, injected = history.of('alarm', name), history.of('inject', name)
        late = (alarm['t'] - injected['t']) / 1e3 if alarm else None
        verdict.figures['alarm_s'] = late
        if alone:
            verdict.held['I8'] = late is not None
            verdict.in_time(late, number(fault['alarm_s']), 'I8: seconds until status told')


def differ_by_ends(history, tables):
    """Whether of several faults at once one has kept a node, until it lost the role, from telling which
    connections had ended.  It alone knows; the other one keeps them until their idle timeout."""
    figures = tables.get('figures') or {}
    flows, pins = figures.get('flows', {}), figures.get('pins', {})
    return (len(history.faults) > 1 and flows.get('differ', 0) > 0 and
            flows['differ'] == flows.get('ended') and
            not any(table.get(name) for table in (flows, pins) for name in ('missing', 'extra')) and
            not pins.get('differ'))


def judge_healing(history, verdict, limit):
    """I4: one active, one in sync, equal tables, one revision."""
    over, settled = history.one('over'), history.one('settled')
    # A fault that heals in steps says itself when the last one was.
    heals = [event['t'] for event in history.all('whole') or history.all('heal')]
    verdict.invariant('I4', settled, 'the pair did not heal: %s' %
                      (history.one('unsettled') or {}).get('states', ''))
    if not settled or not over or not heals:
        return
    healed = (settled['t'] - max(heals)) / 1e3
    verdict.figures['healed_s'] = round(healed, 2)
    verdict.in_time(healed, limit['heal_s'], 'seconds until healed')
    tables = history.one('tables') or {'equal': False}
    if differ_by_ends(history, tables):
        verdict.told.append('one node alone knows of ends: %s' % tables['figures']['flows'])
        return
    verdict.invariant('I4', tables['equal'], 'the tables differ: %s %s' % (
        tables.get('figures'), tables.get('which', '')))


# --- what clients saw ---------------------------------------------------------------------------

def judge_sessions(history, verdict, limit):
    moved, stalls = history.of_clients('moved'), history.stalls()
    mourned = {fault['member'] for fault in history.faults.values()}    # whose sessions die with it
    lost = [(name, event) for name, event in history.of_clients('lost')
            if event.get('member') not in mourned]
    gone = {'%s %s' % (name, event['session']) for name, event in lost}
    mute = sorted({session for begin, end, session in stalls if end - begin > MUTE_MS} - gone)
    if mute and verdict.tells_times():
        verdict.told.append('sessions waited for too long: %s' % mute[:3])
    elif limit['dark_ms'] != 'any':
        lost += [(session, 'waited for more than %d ms' % MUTE_MS) for session in mute]
    figures = verdict.figures
    figures['sessions'] = history.sessions()
    figures['sessions_lost'], figures['sessions_moved'] = len(lost), len(moved)
    figures['resets'] = sum('reset' in str(event).lower() for _, event in lost)
    figures['stalled'] = histogram(stalls)
    figures['longest_stall_ms'] = round(max((end - begin for begin, end, _ in stalls), default=0), 1)
    answers = [event['answers'] for event in history.clients.get('chat', [])
               if event.get('event') == 'count']
    verdict.must(len(answers) > 1 and answers[-1] > answers[0], 'no session was ever answered')
    if limit['lost'] != 'any':
        verdict.must(len(lost) <= limit['lost'], '%d sessions lost, of %d: %s' % (
            len(lost), figures['sessions'], [event for _, event in lost[:3]]))
    verdict.invariant('I1', not moved, '%d sessions moved' % len(moved))
    torn = {source for source, members in history.server_of_clients().items() if len(members) > 1}
    verdict.invariant('I2', not torn, 'clients on two members: %s' % sorted(torn))


def judge_mail(history, verdict, limit):
    """Mail clients come back by themselves: counted is whose line ended, and how."""
    said = [event for event in history.clients.get('mapi', []) if 'ends' in event]
    if not said:
        return
    begun = max([place for place, event in enumerate(said) if event['event'] == 'forgotten'], default=0)
    last, figures = said[-1], verdict.figures
    mourned = {fault['member'] for fault in history.faults.values()}
    ends = {words: count for words, count in last['ends'].items()
            if not words.startswith('on the way') and words.split()[0] not in mourned}
    figures['mail_answers'], figures['mail_lost'] = last['answers'], sum(ends.values())
    figures['mail_answer_ms'] = last['answer_ms']
    figures['sessions_lost'] += figures['mail_lost']
    verdict.must(len(said) > begun + 1 and last['answers'], 'no mail client was ever answered')
    if limit['lost'] != 'any':
        verdict.must(figures['mail_lost'] <= limit['lost'], 'lines of mail clients ended: %s' % ends)
    if limit['dark_ms'] != 'any':   # a call that waits still will perhaps never be answered
        verdict.in_time(answered_within(last, mourned), MUTE_MS, 'ms until a mail client was answered')
    verdict.invariant('I2', not last['torn'], '%d mail clients are on two members' % last['torn'])
    strangers = [words for words in last['parted'] if not broken_by_network(words)]
    verdict.invariant('I2', not strangers,
                      'connections beside those of a mail client were not known: %s' % strangers)


def answered_within(last, mourned):
    """The longest time in ms, or None for ever.  Of a member that nobody hears none is told: who has
    asked it waits for as long as it is silent, and until TCP repeats the call once more."""
    dead = mourned - {''}
    if set(last['waits']) - dead:
        return None
    return 0 if dead else last['answer_ms']


def broken_by_network(words):
    """`MEMBER REASON`; else its server did not know what another connection of the client is about."""
    reason = words.split(' ', 1)[-1]
    return reason == 'closed' or reason.startswith('E')


def judge_transfers(history, verdict):
    """By TLS; those lost are among the sessions."""
    total = history.total('tls')
    if not total and 'tls' not in history.clients:
        return
    corrupt = history.of_clients('corrupt')
    verdict.figures['blocks'], verdict.figures['blocks_corrupt'] = total.get('blocks', 0), len(corrupt)
    verdict.must(total.get('blocks'), 'nothing was transferred')
    verdict.must(not corrupt, 'blocks were not what was sent: %s' % corrupt[:3])


def judge_new_connections(history, verdict, limit):
    fresh = history.total('fresh')
    figures = verdict.figures
    figures['new'], figures['new_lost'] = fresh.get('established', 0), fresh.get('lost', 0)
    figures['lost_by_nature'] = limit['lost'] == 'any'
    verdict.must(figures['new'] > 0, 'no new connection ever came to be')
    if limit['lost'] != 'any':
        verdict.must(figures['new_lost'] <= limit['lost'] + lost_to_a_split(history, figures['new']),
                     '%d new connections were lost once established' % figures['new_lost'])
    figures['connect_gap_ms'] = history.total('probe').get('longest_gap_ms')
    verdict.in_time(figures['connect_gap_ms'],
                    plus(limit['connect_ms'], figures['control_gap_ms']),
                    'ms without a new connection')


def lost_to_a_split(history, count):
    """What was under way when the role moved and nothing came through between the nodes, if another
    fault had made their tables differ before: the promise ends where the channel does."""
    both = {'lan', 'channel'} <= wires_cut(history)
    begin, end = history.begin, history.one('end')
    if not both or len(history.faults) < 2 or not begin or not end:
        return 0
    return moves_of_role(history) * count * UNDER_WAY_MS // (end['t'] - begin['t'])


def plus(limit, more):
    return limit if limit == 'any' else limit + more


def judge_blackout(history, verdict, limit):
    """What a host that no fault touches missed meanwhile is the machine's doing, and allowed."""
    echo = history.meter('echo')
    figures = verdict.figures
    figures['dark_ms'], figures['probes_lost'] = echo.get('dark_ms'), echo.get('lost')
    figures['probes'] = echo.get('sent', 0)
    verdict.must(echo.get('answered'), 'the address never answered')
    verdict.in_time(figures['dark_ms'], plus(limit['dark_ms'], figures['control_ms']),
                    'ms of blackout')


# --- who led ------------------------------------------------------------------------------------

def two_allowed(history, limit):
    """Why two owners are no fault, in words."""
    if limit['two_ms'] != 'any':
        return ' (allowed: %d)' % limit['two_ms'] if limit['two_ms'] else ''
    both = {'lan', 'channel'} <= wires_cut(history)
    return ' (allowed: %s)' % ('both wires cut' if both else 'by its nature')


def judge_owners(history, verdict, limit):
    """I3: no two stations answer one question."""
    two = witness.longest(history.addresses, 0, lambda stations: len(stations) > 1)
    healed = max((event['t'] for event in history.all('healed')), default=0) * 1000
    after = witness.longest(history.addresses, healed, lambda stations: len(stations) > 1)
    verdict.figures['two_owners_ms'] = two
    verdict.figures['two_allowed'] = two_allowed(history, limit) if two else ''
    verdict.must(any(address.answers for address in history.addresses.values()),
                 'the witness never heard an answer')
    if 0 < two <= verdict.starved_ms():
        verdict.told.append('two owners for %.1f ms, and the machine kept others waiting for %.0f ms' %
                            (two, verdict.starved_ms()))
    elif limit['two_ms'] != 'any':
        verdict.invariant('I3', two <= limit['two_ms'], 'two owners for %.1f ms' % two)
    else:
        verdict.invariant('I3', after <= limit['two_healed_ms'],
                          'two owners for %.1f ms after the split had healed' % after)


def judge_roles(history, verdict):
    """Whether the role stayed where it should; a machine that stood still moves it rightly."""
    settled = history.one('settled')
    faults = list(history.faults.values())
    verdict.figures['moves'] = moves_of_role(history)
    if len(faults) != 1 or not settled:
        return
    if faults[0]['moves'] != 'any':
        verdict.must(verdict.figures['moves'] <= int(faults[0]['moves']),
                     'the role moved %d times' % verdict.figures['moves'])
    if not faults[0]['stays']:
        return
    if settled['active'] == faults[0]['active']:
        return
    text = 'the role moved from lb%d, and the machine kept others waiting for %.0f ms' % (
        faults[0]['active'], verdict.starved_ms())
    (verdict.told if verdict.tells_times() else verdict.wrong).append(text)


def moves_of_role(history):
    return max(len(stints(history)) - 1, 0)


def stints(history):
    """(first sample, epoch, node) of each time that a node called itself active.  One that could not be
    asked for a while is no new leader when it answers again in the epoch that it had."""
    found = []
    for node, samples in history.watch.items():
        before, unasked = {}, False
        for sample in samples:
            if sample['role'] == 'down':
                unasked = True
                continue
            leads_on = before.get('role') == 'active' and (
                not unasked or sample['epoch'] == before['epoch'])
            if sample['role'] == 'active' and not leads_on:
                found.append((sample['t'], sample['epoch'], node))
            before, unasked = sample, False
    return sorted(found)


def judge_epochs(history, verdict, limit):
    """I5: who becomes active has a higher epoch than whoever was.  Two that cannot know of each other
    count on by themselves; the one that stays must be above both."""
    epochs = [sample['epoch'] for samples in history.watch.values() for sample in samples
              if sample['role'] == 'active']
    for node in leaders(history):
        own = [sample['epoch'] for sample in history.watch[node] if sample['role'] == 'active'][-1]
        verdict.invariant('I5', own == max(epochs), 'lb%d leads with epoch %d, and there was %d' % (
            node, own, max(epochs)))
    if limit['two_ms'] == 'any':
        return
    turns = stints(history)
    for before, after in zip(turns, turns[1:]):
        words = 'lb%d leads with epoch %d after %d' % (after[2], after[1], before[1])
        if after[1] <= before[1] and cut_off(history, before, after):
            own = [turn[1] for turn in turns if turn[2] == after[2] and turn < after]
            verdict.invariant('I5', after[1] > max(own, default=0), words + ', and after one of its own')
            verdict.told.append(words + ', which it could not know of')
        else:
            verdict.invariant('I5', after[1] > before[1], words)


def cut_off(history, before, after):
    """Whether who leads after another could not know of that one's epoch: it is told on the channel
    alone, which one of several faults has cut, and nothing was heard on it since."""
    return (len(history.faults) > 1 and 'channel' in wires_cut(history) and
            all(sample.get('sync', '') in NO_CHANNEL for sample in history.watch[after[2]]
                if before[0] < sample['t'] <= after[0]))


def leaders(history):
    """Those who called themselves active at the end: by their last word, as a busy machine may keep one
    from answering."""
    words = {node: [sample['role'] for sample in samples if sample['role'] != 'down']
             for node, samples in history.watch.items()}
    return [node for node, roles in words.items() if roles and roles[-1] == 'active']


def judge_reports(history, verdict):
    """I9: at the end one node calls itself active, and that is the one that answers."""
    for text, address in history.addresses.items():
        answered = [stations for _, stations in address.owners() if stations]
        told = ['lb%d' % node for node in leaders(history)]
        verdict.invariant('I9', answered and [witness.node(port) for port in answered[-1]] == told,
                          '%s is answered by %s, active say they are: %s' % (
                              text, answered[-1:], told))


# --- in words -----------------------------------------------------------------------------------

def seen(figures):
    stalled = sum(figures['stalled'].values())
    healed = figures.get('healed_s')
    forged = ['%s %s %d' % (kind, end, count) for kind, ends in figures.get('forged', {}).items()
              for end, count in ends.items()]
    return (['forged, and what that came to: ' + ', '.join(forged)] if forged else []) + [
        '%d sessions: %d lost, %d moved, %d stalled (at most %.0f ms); %d new connections, %d lost' % (
            figures['sessions'], figures['sessions_lost'], figures['sessions_moved'], stalled,
            figures['longest_stall_ms'], figures['new'], figures['new_lost']),
        'dark %s ms (%s of %s probes lost; the control %s ms), %s ms without a new connection (%s ms), '
        'two owners %.1f ms%s, healed after %s s' % (
            figures['dark_ms'], figures['probes_lost'], figures['probes'], figures['control_ms'],
            figures['connect_gap_ms'], figures['control_gap_ms'], figures['two_owners_ms'],
            figures['two_allowed'], '%.1f' % healed if healed is not None else '?')]


def say(history, verdict):
    for fault in history.faults.values():
        at = {name: history.of(name, fault['id']) for name in ('inject', 'heal', 'healed')}
        held = (at['heal']['t'] - at['inject']['t']) / 1e3 if at['heal'] else 0
        print('%-4s %s (lb%d led; for %.1f s)' % (fault['id'], fault['title'], fault['active'],
                                                  held))
    for line in seen(verdict.figures):
        print('     ' + line)
    for line in verdict.told:
        print('     told: ' + line)
    for line in verdict.wrong:
        print('     WRONG: ' + line)
    held = ' '.join(name for name, true in sorted(verdict.held.items()) if true)
    print('     %s; %s hold' % ('not survived as promised' if verdict.wrong else 'survived', held),
          flush=True)


def judge(history, verdict):
    limit = limits(history)
    judge_machine(history, verdict)
    judge_faults(history, verdict)
    judge_healing(history, verdict, limit)
    judge_sessions(history, verdict, limit)
    judge_mail(history, verdict, limit)
    judge_transfers(history, verdict)
    judge_blackout(history, verdict, limit)
    judge_new_connections(history, verdict, limit)
    judge_owners(history, verdict, limit)
    judge_roles(history, verdict)
    judge_epochs(history, verdict, limit)
    judge_reports(history, verdict)
    accounts.judge(history, verdict)
    channel.judge(history, verdict)
    return limit


def main():
    arguments = [word for word in sys.argv[1:] if word != '--tell-times']
    if len(arguments) != 1:
        sys.exit(__doc__)
    history = History(arguments[0])
    verdict = Verdict('--tell-times' in sys.argv)
    limit = judge(history, verdict)
    say(history, verdict)
    with open(arguments[0] + '/verdict.json', 'w', encoding='utf-8') as out:
        json.dump({'name': history.begin['name'] if history.begin else '?',
                   'faults': list(history.faults), 'survived': not verdict.wrong,
                   'wrong': verdict.wrong, 'told': verdict.told, 'invariants': verdict.held,
                   'limits': limit, 'figures': verdict.figures}, out, indent=1)
        out.write('\n')
    sys.exit(1 if verdict.wrong else 0)


if __name__ == '__main__':
    main()
