#!/usr/bin/env python3
"""Gives revload a server that makes mistakes, and looks whether it finds each of them.

faults.py REVLOAD

The server reverses lines and frames over a Unix stream socket, but for the request number AT of
a connection, with which it does something else. Prints TAP.
"""
import collections
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

REVLOAD = os.path.abspath(sys.argv[1])
DEADLINE = 30 * int(os.environ.get('REVD_TEST_PATIENCE', '1'))
HEADER = struct.Struct('<BBBBIQ')
AT = 500
BUSY, STOPPING = 4, 9


class Lines:
    encoding = 'lines'

    @staticmethod
    def requests(stream):
        for line in stream:
            yield line[:-1]

    @staticmethod
    def reply(request):
        return request[::-1] + b'\n'

    @staticmethod
    def other(request, text):
        return text[::-1] + b'\n'

    @staticmethod
    def refusal(request, status):
        return b'\x15' + {BUSY: b'busy', STOPPING: b'stopping'}[status] + b': not now\n'


class Frames:
    """A request is its id and its text."""
    encoding = 'frames'

    @staticmethod
    def requests(stream):
        parts = collections.defaultdict(bytes)
        while head := stream.read(HEADER.size):
            _, _, _, flags, length, ident = HEADER.unpack(head)
            parts[ident] += stream.read(length)
            if not flags & 1:
                yield ident, parts.pop(ident)

    @staticmethod
    def frame(ident, text, status=0):
        return HEADER.pack(0xFF, 1, status, 0x80, len(text), ident) + text

    @staticmethod
    def reply(request):
        return Frames.frame(request[0], request[1][::-1])

    @staticmethod
    def other(request, text):
        return Frames.frame(request[0], text[::-1])

    @staticmethod
    def refusal(request, status):
        return Frames.frame(request[0], b'not now', status)


# What becomes of the request number AT: what is written instead of its reply. None: the end.
def honest(kind, request):
    return kind.reply(request)


def drop(kind, request):
    return b''


def twice(kind, request):
    return 2 * kind.reply(request)


def damage(kind, request):
    return kind.other(request, b'x')


def misdeliver(kind, request):
    return kind.other(request, b'999999:0:somebody')


def end(kind, request):
    return None


def busy(kind, request):
    return kind.refusal(request, BUSY)


def stopping(kind, request):
    return kind.refusal(request, STOPPING)


def fragments(_, request):
    ident, text = request
    text = text[::-1]
    return (HEADER.pack(0xFF, 1, 0, 0x81, 1, ident) + text[:1] +
            HEADER.pack(0xFF, 1, 0, 0x80, len(text) - 1, ident) + text[1:])


class Server(threading.Thread):
    def __init__(self, path, kind, fault):
        super().__init__(daemon=True)
        self.kind, self.fault = kind, fault
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.start()

    def run(self):
        fault = self.fault
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(peer, fault), daemon=True).start()
            fault = honest  # one mistake, by the first connection

    def serve(self, peer, fault):
        with peer, peer.makefile('rb') as stream:
            try:
                for i, request in enumerate(self.kind.requests(stream)):
                    out = (fault if i == AT else honest)(self.kind, request)
                    if out is None:
                        return
                    peer.sendall(out)
            except ConnectionError:
                pass


def revload(path, kind, *options):
    r = subprocess.run([REVLOAD, '--requests', '3000', '--patience', '2s', '--quiet', '100ms', '--json',
                        'report', *options, f'uds-{kind.encoding}*1={path}'],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE)
    with open('report', encoding='ascii') as f:
        report = json.load(f)
    return r.returncode, report['ways'][0], report


def expect(got, want):
    if got != want:
        raise AssertionError(f'got {got!r} instead of {want!r}')


COUNTS = ('lost', 'late', 'duplicated', 'misdelivered', 'wrong', 'broken')


def look(kind, fault, code, refused=None, **counts):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, 'socket')
        Server(path, kind, fault)
        status, way, _ = revload(path, kind)
    expect({k: way[k] for k in COUNTS if way[k]}, counts)
    expect(way['refused'], refused or {})
    expect(way['sent'], way['answered'] + way['lost'] + sum(way['refused'].values()))
    expect(status, code)


def breaks(kind):
    """What was under way is lost, and the next connection goes on; --may-lose: no failure."""
    for code, options in (1, ()), (0, ('--may-lose',)):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'socket')
            Server(path, kind, end)
            status, way, _ = revload(path, kind, *options)
        expect(status, code)
        expect(way['broken'], 1)
        expect(1 <= way['lost'] <= 64, True)
        expect(way['answered'] >= 3000, True)


def events():
    """Each runs as often as told; one that fails is a failure."""
    for command, code, failed in ('true', 0, 0), ('exit 3', 1, 4):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'socket')
            ran = os.path.join(directory, 'ran')
            Server(path, Lines, honest)
            status, _, report = revload(path, Lines, '--every', '1ms', '--event', f'3 echo >>{ran}',
                                        '--event', f'4 {command}')
            with open(ran, encoding='ascii') as f:
                expect(len(f.readlines()), 3)
        expect(report['events_failed'], failed)
        expect(status, code)


CASES = [('events', events)]
for way in Lines, Frames:
    name = way.encoding
    CASES += [
        (f'{name}: an honest server', lambda k=way: look(k, honest, 0)),
        (f'{name}: a lost reply', lambda k=way: look(k, drop, 1, lost=1)),
        (f'{name}: a reply that comes twice', lambda k=way: look(k, twice, 1, duplicated=1)),
        (f'{name}: a damaged reply', lambda k=way: look(k, damage, 1, lost=1, wrong=1)),
        (f"{name}: somebody else's reply", lambda k=way: look(k, misdeliver, 1, lost=1, misdelivered=1)),
        (f'{name}: a broken connection', lambda k=way: breaks(k)),
        (f'{name}: busy is no failure', lambda k=way: look(k, busy, 0, refused={'busy': 1})),
        (f'{name}: stopping is one', lambda k=way: look(k, stopping, 1, refused={'stopping': 1})),
    ]
CASES.append(('frames: a reply in fragments', lambda: look(Frames, fragments, 0)))


def main():
    failed = 0
    print(f'1..{len(CASES)}')
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        for i, (what, case) in enumerate(CASES, 1):
            try:
                case()
                print(f'ok {i} - {what}', flush=True)
            except Exception as e:  # whatever it is, the next one is run
                failed += 1
                print(f'not ok {i} - {what}: {e}', flush=True)
        os.chdir('/')
    return failed > 0


sys.exit(main())
