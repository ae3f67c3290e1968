#!/usr/bin/env python3
"""Runs examples/averages as anybody would, kills its workers, and gives it bad marks.

averages.py PROGRAM

A worker that reads a FIFO waits for the test. Prints TAP.
"""
import errno
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
DEADLINE = 20 * int(os.environ.get('REVD_TEST_PATIENCE', '1'))
EX_USAGE = 64


def run(*args):
    r = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                       timeout=DEADLINE)
    return r.returncode, r.stdout.splitlines(), r.stderr.splitlines()


def expect(got, want):
    if got != want:
        raise AssertionError(f'got {got!r} instead of {want!r}')


def wait_for(what, happened):
    end = time.monotonic() + DEADLINE
    while not happened():
        if time.monotonic() > end:
            raise AssertionError(f'it took too long: {what}')
        time.sleep(0.001)


def write(name, text):
    with open(name, 'w', encoding='ascii') as f:
        f.write(text)
    return name


class Running:
    """The program with a FIFO for each course, which its workers wait for."""

    def __init__(self, n, *options):
        self.fifos = [f'course{i + 1}' for i in range(n)]
        for name in self.fifos:
            os.mkfifo(name)
        self.process = subprocess.Popen([PROGRAM, *options, *self.fifos], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        for name in self.fifos:
            os.unlink(name)

    def workers(self):
        pid = self.process.pid
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            return [int(word) for word in f.read().split()]

    def is_waiting(self):
        with open(f'/proc/{self.process.pid}/stat', encoding='ascii') as f:
            return f.read().rpartition(')')[2].split()[0] == 'S'

    def settled(self, n):
        """Its workers, as soon as there are n and it waits for them."""
        wait_for(f'{n} workers', lambda: len(self.workers()) >= n and self.is_waiting())
        return self.workers()

    def feed(self, i, marks):
        write(self.fifos[i], marks)

    def result(self):
        out, _ = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, out.splitlines()


def drawn():
    status, lines, err = run()
    expect((status, err), (0, []))
    expect(lines, ['course 1: 4.70', 'course 2: 4.20', 'course 3: 4.10', 'course 4: 3.87'])
    expect(run('--seed', '1')[1], lines)
    other = run('--seed', '2')[1]
    if other == lines:
        raise AssertionError('another seed draws the same')
    for i, line in enumerate(other):
        mean = float(re.fullmatch(rf'course {i + 1}: (\d\.\d\d)', line)[1])
        if not 1 <= mean <= 7 or abs(mean * 30 - round(mean * 30)) > 0.2:
            raise AssertionError(f'{line}: no mean of 30 marks from 1 to 7')


def values():
    files = [write('a', '4 5\n5\n'), write('b', '1.5,2.5, 3\t'), write('c', '-0')]
    expect(run(*files), (0, ['course 1: 4.67', 'course 2: 2.33', 'course 3: 0.00'], []))


def million():
    marks = [random.randint(10, 70) / 10 for _ in range(1000000)]
    name = write('million', '\n'.join(map(str, marks)))
    expect(run(name), (0, [f'course 1: {math.fsum(marks) / len(marks):.2f}'], []))


def many_courses():
    name = write('same', '6.5')
    want = [f'course {i + 1}: 6.50' for i in range(300)]
    expect(run('--jobs', '7', *[name] * 300), (0, want, []))


def bad_marks():
    files = [write('good', '5'), write('bad', '5 6 1.2.3'), write('empty', ''), 'missing', '.',
             write('large', '1e400'), write('good2', '7')]
    expect(run(*files), (1, [
        'course 1: 5.00',
        "course 2: bad: item 3, '1.2.3': not a number",
        'course 3: empty: there is no number',
        'course 4: missing: No such file or directory',
        'course 5: .: Is a directory',
        "course 6: large: item 1, '1e400': out of range",
        'course 7: 7.00'], []))


def a_process_a_course():
    with Running(5) as p:
        expect(len(p.settled(5)), 5)
        for i in (4, 2, 0, 1, 3):
            p.feed(i, f'{i + 1} {i + 2}\n')
        expect(p.result(), (0, [f'course {i + 1}: {i + 1}.50' for i in range(5)]))


def jobs():
    with Running(4, '--jobs', '2') as p:
        expect(len(p.settled(2)), 2)
        p.feed(1, '2')  # whichever ends first makes room
        first = p.workers()[0]
        wait_for('a third', lambda: first in p.workers() and len(p.settled(2)) == 2)
        p.feed(2, '3')
        p.feed(3, '4')
        p.feed(0, '1')
        expect(p.result(), (0, [f'course {i}: {i}.00' for i in (1, 2, 3, 4)]))


def killed():
    for sig in (signal.SIGKILL, signal.SIGTERM):
        with Running(3) as p:
            os.kill(p.settled(3)[1], sig)
            p.feed(0, '5 6')
            p.feed(2, '7')
            expect(p.result(), (1, ['course 1: 5.50', f'course 2: killed by signal {int(sig)}',
                                    'course 3: 7.00']))


def killed_makes_room():
    with Running(3, '--jobs', '1') as p:
        os.kill(p.settled(1)[0], signal.SIGKILL)
        p.feed(1, '5')
        p.feed(2, '6')
        expect(p.result(), (1, ['course 1: killed by signal 9', 'course 2: 5.00',
                                'course 3: 6.00']))


def has_reader(fifo):
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as e:
        expect(e.errno, errno.ENXIO)
        return False
    return True


def workers_end_with_it():
    with Running(2) as p:
        workers = p.settled(2)
        p.process.kill()
        p.process.wait()
        wait_for('the end of the workers',
                 lambda: not any(os.path.exists(f'/proc/{pid}/exe') for pid in workers))
        expect([has_reader(fifo) for fifo in p.fifos], [False, False])


def usage():
    for args in (('--jobs',), ('--jobs', 'x'), ('--jobs', '-1'), ('--seed', ''), ('--what',)):
        status, out, err = run(*args)
        expect((status, out, err[-1]),
               (EX_USAGE, [], 'usage: averages [--jobs N] [--seed N] [FILE...]'))


def full_output():
    with open('/dev/full', 'w', encoding='ascii') as full:
        r = subprocess.run([PROGRAM], stdout=full, stderr=subprocess.PIPE, text=True,
                           timeout=DEADLINE, check=False)
    expect((r.returncode, r.stderr),
           (1, 'averages: standard output: No space left on device\n'))


CHECKS = (drawn, values, million, many_courses, bad_marks, a_process_a_course, jobs, killed,
          killed_makes_room, workers_end_with_it, usage, full_output)


def main():
    failed = 0
    print(f'1..{len(CHECKS)}')
    for i, check in enumerate(CHECKS, 1):
        with tempfile.TemporaryDirectory(prefix='revd-averages-') as work:
            os.chdir(work)
            try:
                check()
                print(f'ok {i} - {check.__name__}', flush=True)
            except (AssertionError, OSError, subprocess.SubprocessError) as e:
                failed += 1
                print(f'not ok {i} - {check.__name__}')
                print('# ' + str(e).replace('\n', '\n# '), flush=True)
            os.chdir('/')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
