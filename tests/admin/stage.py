"""A daemon of one's own for tests in Python, and programs that are run to their end."""
import ctypes
import os
import signal
import socket
import subprocess
import tempfile

DEADLINE = 20 * int(os.environ.get('REVD_TEST_PATIENCE', '1'))
WRAPPER = os.environ.get('REVD_WRAPPER', '').split()
NOBODY = 65534
librt = ctypes.CDLL('librt.so.1')

CONFIG = '''
[revd]
workers = 2
[endpoint.stream]
transport = uds
path = {dir}/stream.sock
mode = 0666
[endpoint.shm]
transport = shm
path = {dir}/shm.sock
[endpoint.fifo]
transport = fifo
path = {dir}/revd.fifo
[endpoint.queue]
transport = mqueue
queue = {queue}
'''


def expect(got, want):
    if got != want:
        raise AssertionError(f'got {got!r} instead of {want!r}')


def says(text, what):
    if what not in text:
        raise AssertionError(f'{text!r} does not say {what!r}')


class Stage:
    """A directory, and the daemon that serves what the configuration says."""

    def __init__(self, revd, revc, config=CONFIG):
        self.revd, self.revc = revd, revc
        self.folder = tempfile.TemporaryDirectory(prefix='revd-admin-')
        self.dir = self.folder.name
        os.chmod(self.dir, 0o755)
        self.queue = '/revd-admin-' + os.path.basename(self.dir).rpartition('-')[2]
        self.uris = [f'uds:{self.dir}/stream.sock', f'shm:{self.dir}/shm.sock',
                     f'fifo:{self.dir}/revd.fifo', f'mqueue:{self.queue}']
        self.conf = self.write('revd.conf', config.format(dir=self.dir, queue=self.queue))
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        if self.process:
            self.stop()
        for name in (self.queue, self.queue + '.out'):  # of a daemon that was killed
            librt.mq_unlink(name.encode())
        self.folder.cleanup()

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def start(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.settimeout(DEADLINE)
            notify.bind(os.path.join(self.dir, 'notify'))
            self.process = subprocess.Popen(
                [*WRAPPER, self.revd, '-c', self.conf], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=open(os.path.join(self.dir, 'log'), 'a'),
                env={**os.environ, 'NOTIFY_SOCKET': os.path.join(self.dir, 'notify')})
            try:
                while b'READY=1' not in notify.recv(4096):
                    pass
            except TimeoutError:
                with open(os.path.join(self.dir, 'log'), encoding='utf-8') as f:
                    raise AssertionError('the daemon is not ready: ' + f.read()) from None
        os.unlink(os.path.join(self.dir, 'notify'))
        return self

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        code = self.process.wait(DEADLINE)
        self.process = None
        if sig == signal.SIGTERM:
            expect(code, 0)

    def ask(self, *args, uri=None, stdin=b'', env=None, prefix=()):
        """revc; the exit code and what it wrote."""
        r = subprocess.run([*prefix, *WRAPPER, self.revc, '-e', uri or self.uris[0], *args],
                           input=stdin, capture_output=True, timeout=DEADLINE, check=False,
                           env={**os.environ, **(env or {})})
        return r.returncode, r.stdout.decode(), r.stderr.decode()

    def connect(self, name='stream.sock'):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(DEADLINE)
        s.connect(os.path.join(self.dir, name))
        return s


def main(tests):
    """Runs them, and prints TAP."""
    print(f'1..{len(tests)}')
    failed = 0
    for i, test in enumerate(tests, 1):
        try:
            test()
            print(f'ok {i} - {test.__name__}', flush=True)
        except Exception as e:  # any: the next one goes on
            failed += 1
            print(f'# {type(e).__name__}: {e}'.replace('\n', '\n# '))
            print(f'not ok {i} - {test.__name__}', flush=True)
    return failed > 0
