#!/usr/bin/env python3
"""Restarts and reloads a daemon under load over every transport: nothing may be lost.

restarts.py REVD REVLOAD SLOW

SLOW is a co-process that takes its time. Prints TAP.
"""
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time

REVD, REVLOAD, SLOW = map(os.path.abspath, sys.argv[1:])
PATIENCE = int(os.environ.get('REVD_TEST_PATIENCE', '1'))
CLONE_NEWIPC = 0x08000000
CONFIGURATION = """
[endpoint.uds]
transport = uds
path = {0}/uds
[endpoint.seqpacket]
transport = uds
type = seqpacket
path = {0}/seqpacket
[endpoint.shm]
transport = shm
path = {0}/shm
[endpoint.fifo]
transport = fifo
path = {0}/fifo
[endpoint.mqueue]
transport = mqueue
queue = {1}
message_size = 3K
[endpoint.pty]
transport = pty
path = {0}/pty
[endpoint.slow]
transport = uds
path = {0}/slow
service = slow
[service.slow]
type = exec
mode = frames
command = perl {2}
"""


def ways(directory, queue):
    of = {'mqueue': queue}
    return [f'{kind}-{how}={of.get(kind, f"{directory}/{kind}")}'
            for kind in ('uds', 'seqpacket', 'shm', 'fifo', 'mqueue', 'pty')
            for how in ('lines', 'frames')] + [f'exec:uds-frames*1={directory}/slow']


class Daemon:
    def __init__(self, directory, queue):
        configuration = os.path.join(directory, 'revd.conf')
        with open(configuration, 'w', encoding='ascii') as f:
            f.write(CONFIGURATION.format(directory, queue, SLOW))
        self.log = os.path.join(directory, 'log')
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen([REVD, '-c', configuration], stdin=subprocess.DEVNULL,
                                            stderr=log)
        end = time.monotonic() + 20 * PATIENCE
        while ': serving ' not in self.said():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f'the daemon did not start: {self.said()}')
            time.sleep(.001)
        self.begin = len(self.said())

    def said(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30 * PATIENCE)
        self.err = self.said()[self.begin:]


def run(*events):
    """The report of a run with these events, if something was wrong."""
    with tempfile.TemporaryDirectory() as directory:
        run_in(directory, f'/{os.path.basename(directory)}', events)


def run_in(directory, queue, events):
    with Daemon(directory, queue) as daemon:
        options = []
        for count, sig in events:
            options += ['--event', f'{count} kill -{sig} {daemon.process.pid}']
        r = subprocess.run([REVLOAD, '--requests', '50000', '--every', '200ms', *options, *ways(directory, queue)],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=100 * PATIENCE)
    if r.returncode != 0:
        raise AssertionError(f'{r.stdout}{r.stderr}{daemon.err}')
    if daemon.process.returncode != 0:
        raise AssertionError(f'the daemon ended with {daemon.process.returncode}: {daemon.err}')
    for count, sig in events:
        if sig == 'USR2' and daemon.err.count('uds: uds:') != count:
            raise AssertionError(f'it has not restarted {count} times: {daemon.err}')


def many_at_once():
    """Signals while a restart is on its way are no reason to die."""
    with tempfile.TemporaryDirectory() as directory:
        queue = f'/{os.path.basename(directory)}'
        with Daemon(directory, queue) as daemon:
            end = time.monotonic() + .5
            while daemon.process.poll() is None and time.monotonic() < end:
                for sig in signal.SIGUSR2, signal.SIGHUP, signal.SIGUSR1:
                    daemon.process.send_signal(sig)
                os.sched_yield()
            subprocess.run([REVLOAD, '--requests', '100', ways(directory, queue)[0]], check=True,
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=100 * PATIENCE)
    if daemon.process.returncode != 0 or 'restarting' not in daemon.err:
        raise AssertionError(f'the daemon ended with {daemon.process.returncode}: {daemon.err}')


CASES = [
    ('signals during a restart', many_at_once),
    ('without an event', lambda: run()),
    ('restarts in place', lambda: run((4, 'USR2'))),
    ('reloads', lambda: run((4, 'HUP'))),
    ('both', lambda: run((3, 'USR2'), (3, 'HUP'))),
]


def main():
    failed = 0
    # Queues of our own, where we may have them.
    ctypes.CDLL(None).unshare(CLONE_NEWIPC)
    print(f'1..{len(CASES)}')
    for i, (what, case) in enumerate(CASES, 1):
        try:
            case()
            print(f'ok {i} - {what}', flush=True)
        except Exception as e:  # whatever it is, the next one is run
            failed += 1
            print(f'not ok {i} - {what}', flush=True)
            print(*(f'# {line}' for line in str(e).splitlines()), sep='\n', flush=True)
    return failed > 0


sys.exit(main())
