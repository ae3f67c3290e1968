#!/usr/bin/env python3
"""What systemd-analyze says of the units: nothing wrong, and hardly exposed.

units.py SYSTEMD-ANALYZE SOURCE BUILD REVD

They are copied into a directory of their own, to start the program that was just built. Prints TAP.
"""
import os
import subprocess
import sys
import tempfile

EXPOSURE = 4  # in tenths
KINDS = ('system', 'user')


def stage(source, build, revd, directory):
    """The units as they are installed; {kind: their files}."""
    installed = os.path.join(build, 'systemd')
    source = os.path.join(source, 'systemd')
    starts = {'ExecStart=': f'ExecStart={revd}', 'ExecReload=': f'ExecReload={revd} --reload'}
    units = {}
    for kind in KINDS:
        units[kind] = []
        os.mkdir(os.path.join(directory, kind))
        names = {f'revd-{kind}.service': 'revd.service'}
        names |= {f'{kind}-revd-{n}.socket': f'revd-{n}.socket' for n in ('uds', 'fifo', 'mqueue')}
        names |= {n: n for n in ('revd-wake.service', 'revd-rearm.service')}
        for name, unit in names.items():
            path = os.path.join(installed if name != unit else source, name)
            with open(path, encoding='utf-8') as f:
                text = f.read()
            lines = text.splitlines()
            if unit == 'revd.service':
                lines = [next((new for key, new in starts.items() if line.startswith(key)), line)
                         for line in lines]
            to = os.path.join(directory, kind, unit)
            with open(to, 'w', encoding='utf-8') as f:
                f.write('\n'.join(lines) + '\n')
            units[kind].append(to)
    return units


def run(analyze, directory, *args):
    """(succeeded, all that it printed)"""
    env = dict(os.environ, XDG_RUNTIME_DIR=directory, SYSTEMD_COLORS='0')
    done = subprocess.run([analyze, *args], env=env, stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


def report(number, name, good, text):
    """A line of TAP, and why."""
    print(f'{"ok" if good else "not ok"} {number} - {name}')
    if not good:
        print(''.join(f'# {line}\n' for line in text.splitlines()), end='')


def main():
    analyze = sys.argv[1]
    source, build, revd = map(os.path.abspath, sys.argv[2:])
    good = True
    print('1..4')
    with tempfile.TemporaryDirectory() as directory:
        units = stage(source, build, revd, directory)
        for number, kind in enumerate(KINDS, 1):
            fine, text = run(analyze, directory, f'--{kind}', 'verify', '--man=no',
                             '--recursive-errors=yes', *units[kind])
            fine = fine and not text
            report(number, f'verify: {kind}', fine, text)
            good &= fine
        service = units['system'][0]
        fine, text = run(analyze, directory, 'security', '--no-pager', '--offline=true',
                         f'--threshold={EXPOSURE}', service)
        report(3, f'exposure of {EXPOSURE / 10} at most', fine, text)
        # a threshold that nothing passes shows that it is looked at
        strict, text = run(analyze, directory, 'security', '--no-pager', '--offline=true',
                           '--threshold=0', service)
        report(4, 'exposure is measured', not strict, text)
    return 0 if good and fine and not strict else 1


if __name__ == '__main__':
    sys.exit(main())
