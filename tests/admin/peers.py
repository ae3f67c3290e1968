#!/usr/bin/env python3
"""Who is connected, as revc --peers tells it. peers.py REVD REVC. Prints TAP."""
import json
import os
import resource
import struct
import sys
import time

from stage import DEADLINE, NOBODY, Stage, expect, main, says

REVD, REVC = sys.argv[1:3]
PEERS = 5
DENIED = 'denied: only root and the daemon\'s own user may do that'


def listed(stage, uri=None):
    code, out, err = stage.ask('--peers', '--json', uri=uri)
    expect((code, err), (0, ''))
    return [json.loads(line) for line in out.splitlines()]


def a_connection_is_told_apart():
    with Stage(REVD, REVC) as stage, stage.connect() as s:
        for _ in range(3):
            s.sendall(b'uno\ndos\n')
            expect(s.recv(100), b'onu\nsod\n')
        for uri in stage.uris[:2]:
            mine = [p for p in listed(stage, uri) if p.get('pid') == os.getpid()]
            expect(len(mine), 1)
            expect([mine[0][k] for k in ('endpoint', 'transport', 'uid', 'gid', 'requests',
                                         'inflight', 'blocked')],
                   ['stream', 'uds', os.getuid(), os.getgid(), 6, 0, False])


def fill(s):
    try:
        while True:
            s.send(b'x' * 1000 + b'\n')
    except BlockingIOError:
        pass


def who_does_not_read_is_blocked():
    with Stage(REVD, REVC) as stage, stage.connect() as s:
        s.setblocking(False)
        end = time.monotonic() + DEADLINE
        blocked = False
        while not blocked and time.monotonic() < end:  # it may be about to read more
            fill(s)
            blocked = [p['blocked'] for p in listed(stage) if p.get('pid') == os.getpid()][0]
        expect(blocked, True)
        says(stage.ask('--peers')[1], ' blocked\n')


def reply_names_where_nobody_vouches():
    with Stage(REVD, REVC) as stage:
        for uri in stage.uris[2:]:
            expect(stage.ask('hola', uri=uri)[:2], (0, 'aloh\n'))
        peers = [p for p in listed(stage) if p['endpoint'] in ('fifo', 'queue')]
        expect(any('uid' in p or 'pid' in p for p in peers), False)
        expect({p['endpoint'] for p in peers if len(p.get('name', '')) >= 16} <= {'fifo', 'queue'},
               True)
        # a client that is still there
        token = 'abcdefghijklmnopqrstuv'
        name = os.path.join(stage.dir, 'revd.fifo.d', token)
        os.mkfifo(name, 0o622)
        reader = os.open(name, os.O_RDWR | os.O_NONBLOCK)
        os.chmod(name, 0o622)
        body = bytes([len(token)]) + token.encode() + b'hola'
        fifo = os.open(os.path.join(stage.dir, 'revd.fifo'), os.O_WRONLY)
        os.write(fifo, struct.pack('<BBBBIQ', 0xff, 1, 0, 2, len(body), 7) + body)
        os.set_blocking(reader, True)
        expect(os.read(reader, 100)[16:], b'aloh')
        expect([(p['endpoint'], p['requests']) for p in listed(stage) if p.get('name') == token],
               [('fifo', 1)])
        says(stage.ask('--peers')[1], ' ' + token + '\n')
        os.close(fifo)
        os.close(reader)


def others_are_denied():
    with Stage(REVD, REVC) as stage:
        for uri in stage.uris[2:]:
            expect(stage.ask('--peers', uri=uri), (77, '', f'revc: {uri}: {DENIED}\n'))
        if os.getuid() == 0:
            other = ('setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups')
            expect(stage.ask('--peers', prefix=other)[::2],
                   (77, f'revc: {stage.uris[0]}: {DENIED}\n'))


def thousands_come_in_pages():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n = min(3000, hard - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n + 100), hard))
    config = '[endpoint.stream]\ntransport = uds\npath = {dir}/stream.sock\nmax_peers = 10000\n' \
             '[endpoint.other]\ntransport = uds\npath = {dir}/other.sock\n'
    for workers in (1, 3):
        with Stage(REVD, REVC, f'[revd]\nworkers = {workers}\n' + config) as stage:
            all_of_us = [stage.connect() for _ in range(n)] + [stage.connect('other.sock')]
            for s in all_of_us:
                s.sendall(b'x\n')
                expect(s.recv(10), b'x\n')
            peers = [p for p in listed(stage) if p.get('pid') == os.getpid()]
            expect(len(peers), n + 1)
            expect(len({p['client'] for p in peers}), n + 1)
            expect(len({p['worker'] for p in peers}), workers)
            for s in all_of_us:
                s.close()


def pages_are_bounded_and_begin_where_they_say():
    with Stage(REVD, REVC) as stage, stage.connect() as s:
        def page(text):
            s.sendall(struct.pack('<BBBBIQ', 0xff, 1, PEERS, 0, len(text), 1) + text)
            reply = s.recv(1 << 20)
            return reply[2], reply[16:]
        status, text = page(b'')
        expect((status, json.loads(text)['next']), (0, None))
        for odd in (b'x', b'1.2', b'1.2.3.4', b'-1.0.0', b'9' * 200):
            expect(page(odd)[0] != 0 or not json.loads(page(odd)[1])['peers'], True)
        for odd in (b'999.0.0', b'0.99.0', b'0.0.999999'):
            expect(page(odd)[0], 0)
        expect(json.loads(page(b'999.0.0')[1]), {'peers': [], 'next': None})


sys.exit(main([a_connection_is_told_apart, who_does_not_read_is_blocked,
               reply_names_where_nobody_vouches, others_are_denied, thousands_come_in_pages,
               pages_are_bounded_and_begin_where_they_say]))
