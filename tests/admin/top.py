#!/usr/bin/env python3
"""revc --top on a terminal. top.py REVD REVC. Prints TAP."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

from stage import DEADLINE, Stage, expect, main, says

REVD, REVC = sys.argv[1:3]


class Terminal:
    """revc --top in a pty, and all that it has written there."""

    def __init__(self, stage, columns=80, rows=24, **env):
        self.text = ''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            env = {**os.environ, 'TERM': 'xterm-256color', **env}
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
            os.execve(stage.revc, [stage.revc, '-e', stage.uris[0], '--top'], env)

    def read(self):
        if not select.select([self.fd], [], [], DEADLINE)[0]:
            raise AssertionError(f'nothing more comes than {self.text!r}')
        try:
            self.text += os.read(self.fd, 65536).decode()
        except OSError:  # its end
            return False
        return True

    def wait(self, what):
        end = time.monotonic() + DEADLINE
        while what not in self.text:
            if time.monotonic() > end or not self.read():
                raise AssertionError(f'{self.text!r} does not say {what!r}')

    def resize(self, columns, rows=24):
        self.text = ''
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def end(self, key):
        """The status of its end; it has put the terminal back."""
        if key:
            os.write(self.fd, key)
        while self.read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def it_shows_rates_and_ends_with_q_or_interrupt():
    with Stage(REVD, REVC) as stage:
        for key in (b'q', b'\x03'):
            t = Terminal(stage)
            t.wait('\x1b[?1049h')
            t.wait('DROPS')
            for name in ('stream', 'shm', 'fifo', 'queue', 'REQ/s', 'P99/us'):
                t.wait(name)
            t.text = ''
            t.read()  # the next second
            expect(t.end(key), 0)
            says(t.text, '\x1b[?1049l')


def signals_put_the_terminal_back():
    with Stage(REVD, REVC) as stage:
        t = Terminal(stage)
        t.wait('queue')
        os.kill(t.pid, signal.SIGTERM)
        expect(t.end(None), -signal.SIGTERM)
        says(t.text, '\x1b[?1049l')


def narrow_terminals_and_resizing():
    with Stage(REVD, REVC) as stage:
        t = Terminal(stage, columns=40)
        t.wait('queue')
        says(t.text, 'P99/us')
        expect('DROPS' in t.text or 'P50' in t.text, False)
        t.resize(90)
        t.wait('DROPS')
        for size in ((1, 1), (5, 2), (200, 60)):
            t.resize(*size)
            t.read()
        t.wait('DROPS')
        expect(t.end(b'q'), 0)


def a_restart_is_told():
    with Stage(REVD, REVC) as stage:
        t = Terminal(stage, columns=100)
        t.wait('queue')
        stage.stop(signal.SIGKILL)
        t.wait('no answer, trying again')
        for name in os.listdir(stage.dir):
            if name.endswith('.sock'):
                os.unlink(os.path.join(stage.dir, name))
        stage.start()
        t.wait('the daemon was restarted, seen at ')
        expect(t.end(b'q'), 0)


def colours_only_where_wanted():
    with Stage(REVD, REVC) as stage:
        for env, wanted in (({}, True), ({'NO_COLOR': '1'}, False), ({'TERM': 'vt100'}, False)):
            t = Terminal(stage, columns=100, **env)
            t.wait('queue')
            stage.stop(signal.SIGKILL)
            t.wait('no answer')
            expect(bool(re.search(r'\x1b\[[0-9;]*31', t.text)), wanted)
            t.end(b'q')
            for name in os.listdir(stage.dir):
                if name.endswith('.sock'):
                    os.unlink(os.path.join(stage.dir, name))
            stage.start()


def without_a_terminal_it_says_so():
    sentence = 'revc: --top needs a terminal that can move its cursor; --stats needs none\n'
    with Stage(REVD, REVC) as stage:
        expect(stage.ask('--top'), (64, '', sentence))
        for term in ('dumb', '', 'no-such-terminal'):
            t = Terminal(stage, TERM=term)
            expect(t.end(None), 64)
            says(t.text, sentence.strip())


def nobody_serves():
    code, out, err = Stage(REVD, REVC).ask('--top')
    expect((code, out), (69, ''))
    says(err, 'nobody serves there')


sys.exit(main([it_shows_rates_and_ends_with_q_or_interrupt, signals_put_the_terminal_back,
               narrow_terminals_and_resizing, a_restart_is_told, colours_only_where_wanted,
               without_a_terminal_it_says_so, nobody_serves]))
