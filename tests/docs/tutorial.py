#!/usr/bin/env python3
"""Runs every command of a page of the tutorial and compares what it prints.

tutorial.py SOURCE BUILD PAGE PROGRAM...

Each section is one session of a shell, in a private directory that stands for the
page's /tmp/revd-tutorial; what the page calls revd-tutorial has a name of its own for each
session, directories and queues alike. The first section begins in the checkout, whose build
is that of the test. The shell writes to a terminal, as a reader's does, so that programs
behave alike.

A command is done when the prompt is back and all is there that the page shows, which may
come from what was started in the background: the next one comes only then. A section must
end what it has started. Prints TAP.
"""
import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import tty
from page import File, PageError, read_page

SOURCE, BUILD, PAGE, *PROGRAMS = sys.argv[1:]
DEADLINE = 20 * int(os.environ.get('REVD_TEST_PATIENCE', '1'))
NAME = 'revd-tutorial'
PROMPT = re.compile(r'\x01\d+\x02')
COLOUR = re.compile(r'\x1b\[[0-9;]*m')
ROWS, COLUMNS = 24, 100


class Failed(Exception):
    """A command that does not do what the page says."""


class Shell:
    """A shell in a directory, on a terminal."""

    def __init__(self, directory, env):
        self.terminal, slave = os.openpty()
        tty.setraw(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            ['bash', '--norc', '-s'], cwd=directory, env=env, stdin=subprocess.PIPE,
            stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.printed = ''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.stdin.close()
        self.process.wait()
        os.close(self.terminal)

    def send(self, command):
        # The prompt leaves $? as it was.
        text = f'{{ {command}\n}} </dev/null\nstatus=$?; printf \'\\1%d\\2\' $status; (exit $status)\n'
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def read_more(self, until):
        left = until - time.monotonic()
        if left <= 0 or not select.select([self.terminal], [], [], left)[0]:
            return False
        self.printed += os.read(self.terminal, 65536).decode('utf-8', 'replace')
        return True

    def run(self, command, is_right):
        """What it prints, as soon as that is right and it is done; or at the deadline."""
        until = time.monotonic() + DEADLINE
        self.printed = ''
        self.send(command)
        while True:
            text, done = PROMPT.subn('', COLOUR.sub('', self.printed))
            if done and is_right(text):
                return
            if not self.read_more(until):
                raise Failed(f'$ {command}\n{text}' + ('' if done else '(it does not end)'))


class Session:
    """One section of the page."""

    def __init__(self, section, is_first):
        self.section = section
        self.is_first = is_first
        self.directory = tempfile.mkdtemp(prefix=NAME + '-', dir='/tmp')
        self.name = os.path.basename(self.directory)
        self.start = self.checkout() if is_first else self.directory

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)
        if self.start != self.directory:
            shutil.rmtree(self.start)

    @staticmethod
    def checkout():
        """The tree, with the build that is tested as its `build`."""
        top = tempfile.mkdtemp(prefix='revd-checkout-', dir='/tmp')
        for name in os.listdir(SOURCE):
            if not name.startswith(('.', 'build')):
                os.symlink(os.path.join(SOURCE, name), os.path.join(top, name))
        os.symlink(BUILD, os.path.join(top, 'build'))
        return top

    def renamed(self, text):
        return text.replace(NAME, self.name)

    def environment(self):
        path = [os.path.dirname(os.path.abspath(p)) for p in PROGRAMS]
        if self.is_first:
            path = []  # it says how to get there
        env = {k: v for k, v in os.environ.items() if not k.startswith(('REVD_', 'XDG_'))}
        return {**env, 'PATH': os.pathsep.join([*path, env['PATH']]), 'LC_ALL': 'C.UTF-8',
                'TERM': 'dumb', 'PYTHONDONTWRITEBYTECODE': '1'}

    def do(self, shell, step):
        if isinstance(step, File):
            with open(os.path.join(self.directory, step.name), 'w', encoding='utf-8') as f:
                f.write(self.renamed(step.text))
            return
        pattern = re.compile(step.pattern())
        try:
            shell.run(self.renamed(step.text),
                      lambda text: pattern.fullmatch(text.replace(self.name, NAME)))
        except Failed as e:
            raise Failed(f'{e}\nThe page says:\n' + '\n'.join(step.printed)) from e

    def run(self):
        with Shell(self.start, self.environment()) as shell:
            for step in self.section.steps:
                self.do(shell, step)
            shell.run('wait', lambda text: text == '')


def main():
    sections = read_page(os.path.join(SOURCE, 'docs', PAGE))
    failed = 0
    print(f'1..{len(sections)}')
    for i, section in enumerate(sections, 1):
        try:
            with Session(section, i == 1) as session:
                session.run()
            print(f'ok {i} - {section.title}', flush=True)
        except (Failed, PageError, OSError) as e:
            failed += 1
            print(f'not ok {i} - {section.title}')
            print('# ' + str(e).replace('\n', '\n# '), flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
