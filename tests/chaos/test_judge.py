#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the judge: a record in which all is well is accepted, and with one thing wrong it is not."""
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
from accounts import SENT_ON
from history import History
from judge import Verdict, judge

FAULT = {'t': 1000, 'event': 'fault', 'id': 'P1', 'title': 'a fault', 'active': 1, 'touches': '',
         'cuts': '', 'stays': '', 'moves': '1', 'member': '', 'alarm': 'problem', 'lost': '0',
         'dark_ms': '20', 'connect_ms': '60', 'two_ms': '0', 'two_healed_ms': '', 'heal_s': '15',
         'alarm_s': '3'}


def at(time, event, **more):
    return {'t': time, 'event': event, **more}


def well():
    """File name -> lines of a record without fault."""
    asked = ['%d ask 10.20.0.10 %d' % (n * 1000000, n) for n in range(1, 9)]
    answered = ['%d answer 10.20.0.10 %d lb%d-eth0' % (n * 1000000 + 9, n, 1 if n < 2 else 2)
                for n in range(1, 9)]
    return {
        'history': [at(900, 'begin', name='P1-1', active=1, sessions=70, segments=0), FAULT,
                    at(1000, 'inject', id='P1'), at(1100, 'injected', id='P1'),
                    at(1200, 'alarm', id='P1'), at(1300, 'effect', id='P1'),
                    at(2300, 'heal', id='P1'), at(2400, 'healed', id='P1'), at(2401, 'over'),
                    at(3000, 'settled', active=2), at(3100, 'tables', equal=True, figures={}),
                    at(4000, 'end', segments=0)],
        'chat': [at(1000, 'count', answers=10), at(4000, 'count', answers=900)],
        'bulk': [], 'mapi': [mail('forgotten', 0), mail('count', 90)],
        'tls': [at(950, 'open', session=0, member='m1'), at(3900, 'total', sessions=4, blocks=99)],
        'echo': [{'sent': 3000, 'lost': 0, 'dark_ms': 0.0, 'answered': True}],
        'control': [{'sent': 3000, 'lost': 0, 'dark_ms': 0.0, 'answered': True}],
        'probe': [at(3900, 'total', longest_gap_ms=12.0)],
        'control-probe': [at(3900, 'total', longest_gap_ms=11.0)],
        'machine': [at(3900, 'total', longest_ms=2.0)],
        'fresh': [at(3900, 'total', established=300, lost=0)],
        'watch-1': [at(900, 'sample', role='active', epoch=1),
                    at(1250, 'sample', role='standby', epoch=1)],
        'watch-2': [at(900, 'sample', role='standby', epoch=0),
                    at(1260, 'sample', role='active', epoch=2)],
        'witness': asked + answered, 'account-1': [account(1000), account(5000)],
        'passage': [at(900, 'listens'), at(4000, 'total', segments=900, lost=0, unread=0)],
        'account-2': [account(70), account(70)],
        'overhear': [at(900, 'told', unread=5), heard('now', 7001, 1, 40, end=''), heard('now', 7001, 2, 30, end=''),
                     heard('end', 7000, 1, 20, end='closed'),
                     heard('end', 7000, 2, 11, arrived=10, altered=1000, part='body', end='closed'),
                     at(3500, 'told', unread=5),
                     heard('now', 7001, 1, 42, end=''), heard('now', 7001, 2, 32, end=''),
                     at(3900, 'told', unread=5)],
        'syncd-1': [logged(1, 7000, 'lost', 11, 20)], 'syncd-2': [logged(2, 7000, 'bad-frame', 20, 10)],
        'channel-1': [sync(31, 40, 0), sync(31, 41, 0)], 'channel-2': [sync(41, 30, 0), sync(41, 31, 1)],
        'badwire-1': [at(1500, 'forged', kind='flipped', **{'from': 7790, 'to': 7000}, number=990,
                         length=20)],
        'sessions': [{'sessions': [session('10.20.0.120:1', 'chat', 'm1'),
                                   session('10.20.0.120:2', 'bulk', 'm1')]}]}


def mail(event, answers, **more):
    return at(1000 + answers, event, held=40, waits={}, torn=0, answers=answers, parted={}, ends={},
              answer_ms=3.0, **more)


def session(client, service, member):
    return {'client': client, 'service': service, 'member': member, 'state': 'established'}


def heard(event, port, to, frames, **more):
    """What the taps tell of one direction of a connection."""
    line = at(3900 if event == 'now' else 2000, event, port=port, begun=1000, heard=3890, to=to,
              sent=frames, arrived=frames, taken=frames, unclear=False)
    return {**line, **more}


def logged(node, port, why, sent, received):
    own, peer = (7790, port) if node == 1 else (port, 7790)
    return ('12:00:00.000 syncd info: channel: connection of 192.168.77.%d port %d to 192.168.77.%d port '
            '%d ended: %s; %d frames sent, %d received' % (node, own, 3 - node, peer, why, sent, received))


def sync(sent, received, bad, up_ms=9000):
    return {'sync': {'up_ms': up_ms, 'frames_sent': sent, 'frames_received': received,
                     'refused': [{'name': 'bad-frame', 'value': bad}]}}


def account(frames, plane=7, **more):
    """Half of them are forwarded; of the others one in ten is dropped, and half of those answered."""
    dropped, answered = frames // 20, frames // 40
    sent = frames // 2 + answered
    kernel = {'seen': frames, 'redirected': sent, 'dropped': dropped - answered, 'failed': 0,
              'sent': sent, 'refused': 0}
    counted = {name: 0 for name in SENT_ON}
    counted.update(forwarded_in=frames // 2, drop_ttl=dropped, answered=answered, admitted=frames,
                   passed=frames - frames // 2 - dropped)
    return {'plane': plane, 'interfaces': ['eth0', 'eth1'], 'before': kernel,
            'after': dict(kernel, **more), 'counted': counted}


def verdict_of(record, tell_times=False):
    with tempfile.TemporaryDirectory() as directory:
        for name, lines in record.items():
            kind = {'sessions': 'json', 'syncd-1': 'log', 'syncd-2': 'log'}.get(name, 'out')
            path = '%s/%s.%s' % (directory, name, kind)
            with open(path, 'w', encoding='utf-8') as out:
                out.writelines((line if isinstance(line, str) else json.dumps(line)) + '\n'
                               for line in lines)
        verdict = Verdict(tell_times)
        judge(History(directory), verdict)
    return verdict.wrong


def without(event):
    def change(record):
        record['history'] = [line for line in record['history'] if line['event'] != event]
    return change


def with_line(name, line):
    return lambda record: record[name].append(line)


def with_last(name, **more):
    def change(record):
        record[name][-1] = {**record[name][-1], **more}
    return change


def declared(**more):
    def change(record):
        record['history'][1] = {**FAULT, **more}
    return change


def counted_less(**fewer):
    def change(record):
        counted = record['account-1'][1]['counted']
        for name, count in fewer.items():
            counted[name] -= count
    return change


def overheard(place, **more):
    def change(record):
        record['overhear'][place] = {**record['overhear'][place], **more}
    return change


def with_end(node, *words):
    """Another one than it was, of the connection with port 7000."""
    def change(record):
        record['syncd-%d' % node] = [logged(node, 7000, *words)]
    return change


def whole(record):
    """Nobody forges: the connection of port 7000 carried 11 frames to lb2 and was lost."""
    overheard(4, arrived=11, altered=None)(record)
    with_end(2, 'lost', 20, 11)(record)
    record['badwire-1'] = []
    record['channel-2'][1] = sync(41, 31, 0)


def both(*changes):
    def change(record):
        for one in changes:
            one(record)
    return change


def another_fault(record):
    record['history'].insert(2, {**FAULT, 'id': 'P2', 'alarm': ''})


def stopped_too(record):
    record['history'].insert(2, {**FAULT, 'id': 'S12', 'alarm': '', 'touches': 'daemons channel'})


def two_owners_for_a_moment(record):
    """100 ms."""
    place = record['witness'].index('6000000 ask 10.20.0.10 6')
    record['witness'][place] = '5100000 ask 10.20.0.10 6'
    record['witness'].append('5000010 answer 10.20.0.10 5 lb1-eth0')


def differing(**more):
    """The tables, in one flow."""
    figures = {'flows': {'missing': 0, 'extra': 0, 'differ': 1, **more},
               'pins': {'missing': 0, 'extra': 0, 'differ': 0}}
    return lambda record: record['history'].insert(
        -1, at(3500, 'tables', equal=False, figures=figures))


def positions(*samples):
    """(node, history, seq) at a time each, 3 s apart."""
    def change(record):
        for number, (node, history, seq) in enumerate(samples):
            last = record['watch-%d' % node][-1]
            record['watch-%d' % node].append(
                {**last, 't': 10000 + 3000 * number, 'history': history, 'seq': seq})
    return change


def stayed(lost, *ports):
    """By the tap on the switch; (lost, dropped) of each port by which segments go into a node."""
    def change(record):
        declared(touches='daemons channel')(record)
        record['passage'][1:1] = [{'event': 'port', 'lost': one, 'dropped': more} for one, more in ports]
        with_last('passage', lost=lost)(record)
    return change


def slept_through(first=3, sync='stale'):
    """lb2 sleeps while lb1 leads with epoch 3; what it says when it wakes up, and leads for a while."""
    def change(record):
        record['watch-1'] += [at(1500, 'sample', role='active', epoch=3, sync='alone'),
                              at(2000, 'sample', role='fault', epoch=3, sync='stale')]
        record['watch-2'] += [at(1400, 'sample', role='active', epoch=2, sync='in-sync'),
                              at(1900, 'sample', role='down', sync=''),
                              at(2100, 'sample', role='standby', epoch=2, sync=sync),
                              at(2200, 'sample', role='active', epoch=first, sync='alone'),
                              at(2300, 'sample', role='active', epoch=4, sync='in-sync')]
    return change


CUT = {'cuts': 'channel', 'moves': 'any'}
WRONGS = {
    'a frame was accepted after an altered one': with_end(2, 'bad-frame', 20, 11),
    'an altered frame was read and not refused': both(
        with_end(2, 'lost', 20, 10),
        lambda record: record.update({'channel-2': [sync(41, 30, 0), sync(41, 31, 0)]})),
    'more was accepted than was sent': both(
        whole, overheard(4, arrived=12, taken=12, sent=12), with_end(2, 'lost', 20, 12)),
    'a frame was accepted twice': both(whole, with_end(2, 'lost', 20, 12)),
    'a frame was passed over': both(whole, with_end(2, 'lost', 20, 10)),
    'a frame was left in a cable that was cut': both(
        whole, overheard(4, end=''), with_end(2, 'silent', 20, 10)),
    'a frame was refused that nobody had altered': both(
        whole, with_end(2, 'bad-frame', 20, 11),
        lambda record: record.update({'channel-2': [sync(41, 30, 0), sync(41, 31, 1)]})),
    'refused and not counted': lambda record: record.update({
        'channel-2': [sync(41, 30, 0), sync(41, 31, 0)]}),
    'counted and not refused': lambda record: record.update({
        'channel-1': [sync(31, 40, 0), sync(31, 41, 1)]}),
    'altered by nobody': lambda record: record.update({'badwire-1': []}),
    'it goes on after an altered byte': both(
        overheard(7, altered=500, part='length', arrived=31), with_line(
            'badwire-1', at(1600, 'forged', kind='flipped', **{'from': 7790, 'to': 7001}, number=490,
                            length=20))),
    'a connection that lives has accepted more than came': lambda record: record.update({
        'channel-1': [sync(31, 40, 0), sync(31, 43, 0)]}),
    'a connection that lives does not accept what is there': lambda record: record.update({
        'channel-1': [sync(31, 10, 0), sync(31, 39, 0)]}),
    'frames after a greeting that was altered': overheard(4, arrived=0, altered=1000, part='noise'),
    'a position went back': positions((2, '2.2.a', 10), (2, '2.2.a', 9)),
    'a position that its author has not reached': positions((1, '2.2.a', 12), (2, '2.2.a', 11)),
    'nobody listened on the channel': lambda record: record.update({'overhear': []}),
    'a session was lost': with_line('chat', at(2000, 'lost', session=1, member='m1', why='mute')),
    'a session was mute for 6 s': with_line('chat', at(8000, 'stall', session=1, ms=6000.0)),
    'a session moved': with_line('bulk', at(2000, 'moved', session=1)),
    'no session was answered': lambda record: record.update(chat=record['chat'][:1]),
    'a new connection was lost': with_last('fresh', lost=1),
    'a new connection was lost in a split': both(
        declared(cuts='lan channel', two_ms='any'), with_last('fresh', lost=1)),
    'more were lost than were under way in a split': both(
        declared(cuts='lan channel', two_ms='any'), another_fault, with_last('fresh', lost=49)),
    'no new connection came to be': with_last('fresh', established=0),
    'none for 200 ms': with_last('probe', longest_gap_ms=200.0),
    'the address was dark': with_last('echo', dark_ms=300.0),
    'it never answered': with_last('echo', answered=False),
    'two owners': with_line('witness', '5000010 answer 10.20.0.10 5 lb1-eth0'),
    'two owners for a moment, and none of two faults stops anything': both(
        declared(touches='lan'), another_fault, two_owners_for_a_moment),
    'nobody witnessed': lambda record: record.update(witness=[]),
    'a client is on two members': lambda record: record['sessions'][0]['sessions'].append(
        session('10.20.0.120:3', 'chat', 'm2')),
    'the tables differ': lambda record: record['history'].insert(
        -1, at(3500, 'tables', equal=False, figures={})),
    'one node alone knows of an end, after one fault': differing(ended=1),
    'tables differ by more than an end': both(another_fault, differing(ended=0)),
    'an end, and a flow that is missing': both(another_fault, differing(ended=1, missing=1)),
    'tables were not compared': without('tables'),
    'it did not heal': without('settled'),
    'an epoch came back': with_last('watch-2', epoch=1),
    'one leads again in the epoch that it had': lambda record: record['watch-1'].extend([
        at(1300, 'sample', role='active', epoch=1), at(1400, 'sample', role='standby', epoch=1)]),
    'an epoch came back after one fault, which cut the channel': both(declared(**CUT), slept_through()),
    'an epoch came back after two, and the channel was there': both(
        declared(moves='any'), another_fault, slept_through()),
    'an epoch came back that the channel has told of': both(
        declared(**CUT), another_fault, slept_through(sync='in-sync')),
    'its own epoch came back': both(declared(**CUT), another_fault, slept_through(first=2)),
    'two say that they lead': with_last('watch-1', role='active'),
    'who does not answer says that he leads': lambda record: record.update({
        'watch-1': record['watch-1'][:1], 'watch-2': record['watch-2'][:1]}),
    'status told nothing': without('alarm'),
    'the script of the fault failed': with_line('history', at(2, 'broken', id='P1', part='inject',
                                                              why='')),
    'the fault had no effect': with_line('history', at(2, 'without_effect', id='P1')),
    'the role should have stayed': declared(stays='1'),
    'the role moved, and no processor stood still that long': both(
        declared(stays='1'), with_last('machine', longest_ms=110.0)),
    'it should never have moved': declared(moves='0'),
    'a line of a mail client ended': with_last('mapi', ends={'m1 ECONNRESET': 1}),
    'no mail client was answered': with_last('mapi', answers=0),
    'a block is missing at the end': lambda record: record['tls'].pop(),
    'a call was never answered': with_last('mapi', waits={'m1': 1}),
    'an answer took 6 s': with_last('mapi', answer_ms=6000.0),
    'a call was never answered, beside a member that died': both(
        declared(member='m1'), with_last('mapi', waits={'m1': 1, 'm2': 1})),
    'a mail client is on two members': with_last('mapi', torn=1),
    'its servers do not know of each other': with_last('mapi', parted={'m2 context mismatch': 1}),
    'a transfer was lost': with_line('tls', at(2000, 'lost', session=1, member='m1', why='reset')),
    'a block is not what was sent': with_line('tls', at(2000, 'corrupt', session=1, block=3)),
    'nothing was transferred': with_last('tls', blocks=0),
    'frames were seen and not counted': counted_less(passed=1000),
    'frames were dropped and not counted': counted_less(drop_ttl=190),
    'one was counted twice as often': counted_less(forwarded_in=-1000),
    'dropped, but counted as forwarded': counted_less(drop_ttl=200, forwarded_in=-200),
    'frames were sent on and never left': lambda record: record['account-1'][1]['after'].update(
        sent=1000),
    'a segment went in and stayed': lambda record: (
        declared(touches='daemons channel')(record), with_last('passage', lost=1)(record)),
    'more stayed than the wire has dropped there': stayed(2, (0, 0), (2, 1)),
    'the wire has dropped at another port': stayed(1, (0, 9), (1, 0)),
    'nobody listened': lambda record: record['passage'].pop(),
    'nobody read the counters': lambda record: record['account-2'].pop(),
    'the record has no end': without('end'),
}
# The same, where it is rightly so.
RIGHTS = {
    'all is well': lambda record: None,
    'one node alone knows of an end, after two faults': both(another_fault, differing(ended=1)),
    'what was under way was lost in a split amid another fault': both(
        declared(cuts='lan channel', two_ms='any'), another_fault, with_last('fresh', lost=48)),
    'nobody forges': whole,
    'a frame that was on its way when its reader died': both(
        whole, overheard(4, end='unread', arrived=12, taken=12, sent=12), with_end(1, 'lost', 12, 20)),
    'a frame was left by a syncd that stood still': both(
        declared(touches='all'), whole, overheard(4, end=''), with_end(2, 'silent', 20, 10)),
    'a length that was altered, until it was silent': both(
        overheard(4, part='length'), with_end(2, 'silent', 20, 10),
        lambda record: record.update({'channel-2': [sync(41, 30, 0), sync(41, 31, 0)]})),
    'more than the taps could read': both(
        with_end(2, 'bad-frame', 20, 11), overheard(4, unclear=True), overheard(8, unread=8)),
    'a byte that came as two': both(overheard(4, unclear=True), with_end(2, 'lost', 20, 11), lambda record:
                                    record.update({'channel-2': [sync(41, 30, 0), sync(41, 31, 0)]})),
    'syncd was another one at the end': both(whole, lambda record: record.update({
        'channel-2': [sync(41, 30, 500, up_ms=500), sync(41, 31, 0, up_ms=2000)]})),
    'positions rise, and another history begins': positions(
        (1, '1.1.a', 90), (2, '2.2.a', 10), (1, '2.2.a', 10), (2, '2.2.a', 12)),
    'a session of a member that died': lambda record: (
        declared(member='m1')(record), WRONGS['a session was lost'](record)),
    'a line to a member that died': lambda record: (
        declared(member='m1')(record), WRONGS['a line of a mail client ended'](record)),
    'a call to a member that died': both(
        declared(member='m1'), with_last('mapi', waits={'m1': 2}, answer_ms=6000.0)),
    'a line that was not there yet': with_last('mapi', ends={'on the way ECONNREFUSED': 3}),
    'a connection beside others was reset': with_last('mapi', parted={'m2 ECONNRESET': 1}),
    'dark as long as the bystander was': lambda record: (
        WRONGS['the address was dark'](record), with_last('control', dark_ms=299.0)(record)),
    'an epoch that nobody could tell of': both(declared(**CUT), another_fault, slept_through()),
    'a node could not be asked for a while': lambda record: record['watch-2'].extend([
        at(2000, 'sample', role='down'), at(2500, 'sample', role='active', epoch=2)]),
    'a node that was frozen says once what it was': lambda record: record.update({'watch-1': [
        at(900, 'sample', role='active', epoch=1), at(1250, 'sample', role='down'),
        at(1300, 'sample', role='active', epoch=1), at(1400, 'sample', role='standby', epoch=1)]}),
    'a node does not answer at the end': with_line('watch-2', at(3900, 'sample', role='down')),
    'two owners for a moment, the one frozen while its link was down': both(
        declared(touches='lan'), stopped_too, two_owners_for_a_moment),
    'the role moved as a processor stood still': both(
        declared(stays='1'), with_last('machine', longest_ms=310.0)),
    'two owners while the machine stood still': lambda record: (
        WRONGS['two owners'](record), with_last('control-probe', longest_gap_ms=1000.0)(record)),
    'the counters began anew with the node': lambda record: record['account-1'].append(
        account(3, plane=8)),
    'a node was off at the begin': lambda record: record.update({
        'account-1': [{'off': True}, account(3)]}),
    'frames that came while the counters were read': lambda record: (
        record['account-1'][1]['after'].update(seen=6500, redirected=3400, sent=3400),
        counted_less(passed=-300, forwarded_in=-500)(record)),
    'a segment stayed in a node that lost its power': lambda record: (
        declared(touches='daemons node')(record), with_last('passage', lost=1)(record)),
    'the wire has dropped what stayed': stayed(2, (0, 9), (2, 3)),
    'a segment stayed while the machine stood still': lambda record: (
        WRONGS['a segment went in and stayed'](record),
        with_last('control-probe', longest_gap_ms=1000.0)(record)),
    'more than the tap could read': lambda record: (
        declared(touches='daemons')(record), with_last('passage', lost=1, unread=3)(record)),
    'never left, for a ring was full': lambda record: (
        WRONGS['frames were sent on and never left'](record),
        record['account-1'][1]['after'].update(refused=1600)),
    'never left, for a wire was cut': lambda record: (
        declared(touches='lan')(record), WRONGS['frames were sent on and never left'](record)),
    'not counted, by another pair': lambda record: (
        record.pop('account-1'), with_line('history', at(1, 'uncounted'))(record)),
    'dark by its nature': lambda record: (
        declared(dark_ms='any')(record), WRONGS['the address was dark'](record)),
}


def main():
    failures = 0
    for words, change in list(RIGHTS.items()) + list(WRONGS.items()):
        record = well()
        change(record)
        wrong = verdict_of(record)
        if bool(wrong) != (words in WRONGS):
            failures += 1
            print('FAILED: %s: %s' % (words, wrong or 'was accepted'))
    slow = well()
    WRONGS['the address was dark'](slow)
    if verdict_of(slow, tell_times=True):
        failures += 1
        print('FAILED: a time that is to be told was condemned')
    print('%d records judged, %d wrongly' % (len(RIGHTS) + len(WRONGS) + 1, failures))
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
