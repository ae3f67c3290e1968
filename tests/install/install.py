#!/usr/bin/env python3
"""Installs what is built, uses it as others would, and takes it away again.

install.py SOURCE BUILD MESON CC SANITIZERS

Needs no root, and leaves the build directory alone: another one is put beside it in
a temporary directory, with links to what is built and an install log of its own.
Prints TAP.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

SOURCE, BUILD, MESON, CC, SANITIZERS = sys.argv[1:6]
TIMEOUT = 60
PROGRAMS = ('revd', 'revc', 'revbench')
EXAMPLE_PAGE = 'src/librevc/librevc.3.scd'


def run(args, **options):
    """What the command prints; an error if it fails."""
    r = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=TIMEOUT, text=True, **options)
    if r.returncode != 0:
        raise AssertionError(f'{args}: exit code {r.returncode}: {r.stdout}')
    return r.stdout


def build_options(build):
    listed = json.loads(run([MESON, 'introspect', '--buildoptions', build]))
    return {o['name']: o['value'] for o in listed}


def link(directory, to, but):
    """A directory with links to all that is in another one."""
    os.mkdir(to)
    for name in os.listdir(directory):
        if name not in but:
            os.symlink(os.path.join(directory, name), os.path.join(to, name))


class Installed:
    """An installation below a temporary directory."""

    def __init__(self, work):
        self.work = work
        self.dest = os.path.join(work, 'dest')
        self.build = os.path.join(work, 'build')
        link(BUILD, self.build, ('meson-logs', 'meson-private'))
        link(os.path.join(BUILD, 'meson-private'), os.path.join(self.build, 'meson-private'), ())
        os.mkdir(os.path.join(self.build, 'meson-logs'))
        run([MESON, 'install', '-C', self.build, '--no-rebuild', '--destdir', self.dest])
        self.prefix = self.dest + build_options(BUILD)['prefix']

    def files(self):
        return sorted(os.path.join(d, f) for d, _, names in os.walk(self.dest) for f in names)

    def logged(self):
        with open(os.path.join(self.build, 'meson-logs/install-log.txt'), encoding='utf-8') as f:
            return [line.rstrip('\n') for line in f if not line.startswith('#')]

    def program(self, name):
        return os.path.join(self.prefix, 'bin', name)

    def directory_of(self, name):
        found = [os.path.dirname(f) for f in self.files() if os.path.basename(f) == name]
        assert len(found) == 1, f'{name} is installed in {found}'
        return found[0]


class Daemon:
    """revd with these arguments, from READY=1 to the end of the block."""

    def __init__(self, args, env):
        self.args, self.env = args, env

    def __enter__(self):
        self.process = subprocess.Popen(self.args, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self

    def lines_until(self, what):
        """Its output up to the line that has this in it."""
        lines = []
        for line in self.process.stdout:
            lines.append(line.rstrip('\n'))
            if what in line:
                return lines
        raise AssertionError(f'{self.args} ended: {lines}')

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=TIMEOUT)
        assert self.process.returncode == 0, f'{self.args}: {self.process.returncode}'


def files_once(it):
    logged = [f for f in it.logged() if not os.path.isdir(f)]
    twice = sorted({f for f in logged if logged.count(f) > 1})
    assert not twice, f'installed twice: {twice}'
    assert sorted(logged) == it.files(), set(logged) ^ set(it.files())
    for name in PROGRAMS:
        assert os.access(it.program(name), os.X_OK), name


def example(it):
    """The program in the man page, built as the page says, prints the reversed text."""
    with open(os.path.join(SOURCE, EXAMPLE_PAGE), encoding='utf-8') as f:
        blocks = re.findall(r'```\n(.*?)```', f.read(), re.S)
    program = [b for b in blocks if 'int main(' in b]
    assert len(program) == 1, f'{EXAMPLE_PAGE} has {len(program)} programs'
    source, binary = os.path.join(it.work, 'example.c'), os.path.join(it.work, 'example')
    with open(source, 'w', encoding='utf-8') as f:
        f.write(program[0].replace('\\\\', '\\'))
    libraries = it.directory_of('librevc.so')
    env = dict(os.environ, PKG_CONFIG_LIBDIR=os.path.join(libraries, 'pkgconfig'),
               PKG_CONFIG_SYSROOT_DIR=it.dest)
    flags = run(['pkg-config', '--cflags', '--libs', 'librevc'], env=env).split()
    sanitize = [] if SANITIZERS == 'none' else ['-fsanitize=' + SANITIZERS]
    run(CC.split() + ['-Wall', '-Wextra', '-Werror', *sanitize, source, '-o', binary, *flags])
    socket = os.path.join(it.work, 'example.sock')
    config = os.path.join(it.work, 'example.conf')
    with open(config, 'w', encoding='utf-8') as f:
        f.write(f'[endpoint.example]\ntransport = uds\npath = {socket}\n')
    env = dict(os.environ, LD_LIBRARY_PATH=libraries, REVD_ENDPOINT='uds:' + socket)
    with Daemon([it.program('revd'), '-c', config], os.environ) as d:
        d.lines_until('serving 1 endpoint')
        got = run([binary, 'mañana'], env=env)
    assert got == 'anañam\n', got


def demo(it, revd):
    """Each line with revc that --demo prints works where revc is not in $PATH."""
    env = dict(os.environ, PATH='/usr/bin:/bin', TMPDIR=it.work)
    with Daemon([revd, '--demo'], env) as d:
        shown = d.lines_until('kill -HUP')
        commands = [line[27:] for line in shown if re.search(r'revc -e', line)]
        assert len(commands) == 6, shown
        for command in commands:
            got = run(command, shell=True, env=env)
            assert 'aloh' in got, f'{command}: {got}'


def uninstalled(it):
    said = run([MESON, '--internal', 'uninstall'], cwd=it.build)
    assert 'Failed: 0\n' in said, said
    assert it.files() == [], it.files()


def searched():
    """Directories where ldconfig and pkg-config look, also those that do not exist yet."""
    r = subprocess.run(['/sbin/ldconfig', '-N', '-X', '-v'], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=TIMEOUT, text=True, check=False)
    libraries = re.findall(r'(/[\w./-]+)', r.stdout)
    return libraries, run(['pkg-config', '--variable', 'pc_path', 'pkg-config']).strip().split(':')


def lean(work, prefix, *options):
    """Where the library would go on a system that has no dpkg-architecture."""
    tools = os.path.join(work, 'lean')
    build = os.path.join(work, 'lean' + prefix.replace('/', '-') + str(len(options)))
    os.makedirs(tools, exist_ok=True)
    fake = os.path.join(tools, 'dpkg-architecture')
    with open(fake, 'w', encoding='utf-8') as f:
        f.write('#!/bin/sh\nexit 1\n')
    os.chmod(fake, 0o755)
    env = dict(os.environ, PATH=tools + ':' + os.environ['PATH'])
    run([MESON, 'setup', build, SOURCE, '-Dtests=false', '--prefix', prefix, *options], env=env)
    places = json.loads(run([MESON, 'introspect', '--installed', build])).values()
    return [os.path.dirname(next(p for p in places if p.endswith(name)))
            for name in ('/librevc.so', '/librevc.pc', '/librevd-backend.a')]


def found_on_a_lean_system(it):
    libraries, configs = searched()
    for prefix in ('/usr', '/usr/local'):
        library, config, static = lean(it.work, prefix)
        assert library in libraries, f'{library}: ldconfig does not look there'
        assert config in configs, f'{config}: pkg-config does not look there'
        assert static == library, static


def chosen_directory(it):
    got = lean(it.work, '/usr', '--libdir=/opt/revd/lib64')
    assert got == ['/opt/revd/lib64', '/opt/revd/lib64/pkgconfig', '/opt/revd/lib64'], got


def main():
    checks = [
        ('every file is installed once', files_once),
        ('the example of librevc(3)', example),
        ('revd --demo, installed', lambda it: demo(it, it.program('revd'))),
        ('revd --demo, built', lambda it: demo(it, os.path.join(BUILD, 'src/daemon/revd'))),
        ('uninstall leaves nothing', uninstalled),
        ('librevc is found on a lean system', found_on_a_lean_system),
        ('a directory that was chosen is kept', chosen_directory),
    ]
    failed = 0
    print(f'1..{len(checks)}')
    with tempfile.TemporaryDirectory(prefix='revd-install.') as work:
        it = Installed(work)
        for i, (name, check) in enumerate(checks, 1):
            try:
                check(it)
                print(f'ok {i} - {name}', flush=True)
            except (AssertionError, OSError, subprocess.SubprocessError) as e:
                failed += 1
                print(f'not ok {i} - {name}')
                print('# ' + str(e).replace('\n', '\n# '), flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
