#!/usr/bin/env python3
"""What revc --doctor finds, and that its commands mend it. doctor.py REVD REVC. Prints TAP."""
import os
import re
import signal
import stat
import subprocess
import sys

from stage import DEADLINE, NOBODY, Stage, expect, main, says

REVD, REVC = sys.argv[1:3]


def findings(stage, prefix=()):
    """{sentence: (word, command)}"""
    code, out, err = stage.ask('--doctor', prefix=prefix)
    expect(err, '')
    found = {m[2]: (m[1], m[3]) for m in
             re.finditer(r'^(ok|warning|error) +(.*)\n(?: +mend it: (.*)\n)?', out, re.M)}
    expect(code, 1 if any(word != 'ok' for word, _ in found.values()) else 0)
    return found


def about(stage, what):
    found = [(s, *f) for s, f in findings(stage).items() if what in s and f[0] != 'ok']
    return found


def mend(stage, what, word):
    """There is one such finding, and its command takes it away."""
    found = about(stage, what)
    expect([f[1] for f in found], [word])
    subprocess.run(['sh', '-c', found[0][2]], check=True, timeout=DEADLINE,
                   stdout=subprocess.DEVNULL)
    expect(about(stage, what), [])


def a_healthy_daemon():
    with Stage(REVD, REVC) as stage:
        found = findings(stage)
        for name in ('stream', 'shm', 'fifo', 'queue'):
            expect([f[0] for s, f in found.items() if s.startswith(name + ' (')], ['ok'])
        expect([f for s, f in found.items() if stage.dir in s and f[0] != 'ok'], [])


def readers_are_found():
    with Stage(REVD, REVC) as stage:
        path = os.path.join(stage.dir, 'revd.fifo')
        os.chmod(path, 0o666)
        mend(stage, path + ' has mode', 'warning')
        expect(stat.S_IMODE(os.stat(path).st_mode), 0o622)
        expect(stage.ask('hola', uri=stage.uris[2])[:2], (0, 'aloh\n'))
        queue = '/dev/mqueue' + stage.queue
        if os.path.exists(queue):
            os.chmod(queue, 0o644)
            mend(stage, queue + ' has mode', 'warning')


def reply_directories():
    with Stage(REVD, REVC) as stage:
        path = os.path.join(stage.dir, 'revd.fifo.d')
        for mode, word in ((0o777, 'error'), (0o733, 'error'), (0o1777, 'warning')):
            os.chmod(path, mode)
            mend(stage, path + ' has mode', word)


def what_was_left_behind():
    with Stage(REVD, REVC) as stage:
        path = os.path.join(stage.dir, 'revd.fifo.d')
        names = ['stale-1', 'it is $(false) \'stale\'', 'young', 'read']
        for name in names:
            os.mkfifo(os.path.join(path, name))
            if name != 'young':
                os.utime(os.path.join(path, name), (1, 1))
        reader = os.open(os.path.join(path, 'read'), os.O_RDONLY | os.O_NONBLOCK)
        says(about(stage, 'that nobody reads')[0][0], ' 2 reply FIFOs ')
        mend(stage, 'that nobody reads', 'warning')
        expect(sorted(os.listdir(path)), ['read', 'young'])
        os.close(reader)


def a_dead_daemon():
    with Stage(REVD, REVC) as stage:
        stage.stop(signal.SIGKILL)
        expect(len(about(stage, 'nobody serves there')), 1)
        mend(stage, 'was left by a daemon that has ended', 'warning')
    expect(len(about(Stage(REVD, REVC), 'stream.sock')), 1)


def few_descriptors():
    if os.getuid() != 0:
        return
    with Stage(REVD, REVC) as stage:
        subprocess.run(['prlimit', '--pid', str(stage.process.pid), '--nofile=40:'], check=True)
        all_of_us = [stage.connect() for _ in range(8)]
        for s in all_of_us:
            s.sendall(b'x\n')
            expect(s.recv(9), b'x\n')
        mend(stage, 'the daemon may open', 'warning')
        for s in all_of_us:
            s.close()


def an_ordinary_user():
    if os.getuid() != 0:
        return
    other = ('setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups')
    with Stage(REVD, REVC) as stage:
        found = findings(stage, prefix=other)
        says('\n'.join(found), "can't be seen by this user")
        expect([f[0] for s, f in found.items() if s.startswith('shm (')], ['warning'])


sys.exit(main([a_healthy_daemon, readers_are_found, reply_directories, what_was_left_behind,
               a_dead_daemon, few_descriptors, an_ordinary_user]))
