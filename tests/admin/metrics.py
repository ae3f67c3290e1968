#!/usr/bin/env python3
"""What revc --metrics prints, read strictly. metrics.py REVD REVC. Prints TAP."""
import re
import shutil
import subprocess
import sys

from stage import Stage, expect, main, says

REVD, REVC = sys.argv[1:3]
LABELS = r'(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,(?=[a-z])|(?=\})))*\})?'
SAMPLE = re.compile(r'([a-z_]+)(' + LABELS + r') ([0-9.e+-]+|\+Inf|NaN)')
SUFFIXES = ('_bucket', '_sum', '_count')


def parse(text):
    """{family: (type, {series: value})}; each family in one piece, under its HELP and TYPE."""
    families, at = {}, None
    expect(text.endswith('\n'), True)
    for line in text.splitlines():
        if line.startswith('# HELP '):
            at = line.split(' ', 3)[2]
            expect(at in families, False)
            families[at] = (None, {})
        elif line.startswith('# TYPE '):
            expect(line.split(' ')[2], at)
            families[at] = (line.split(' ')[3], {})
        else:
            m = SAMPLE.fullmatch(line)
            if not m:
                raise AssertionError(f'no sample: {line!r}')
            kind, series = families[at]
            names = [at + s for s in SUFFIXES] if kind == 'histogram' else [at]
            expect(m[1] in names, True)
            expect(m[1] + m[2] in series, False)
            expect(kind == 'counter', m[1].endswith('_total'))
            series[m[1] + m[2]] = float(m[3])
    return families


def metrics(stage):
    code, out, err = stage.ask('--metrics')
    expect((code, err), (0, ''))
    return parse(out)


def what_is_counted_is_there():
    with Stage(REVD, REVC) as stage:
        before = metrics(stage)
        for _ in range(3):
            expect(stage.ask('hola')[0], 0)
        expect(stage.ask(b'\xff')[0], 1)
        after = metrics(stage)
        label = '{endpoint="stream",transport="uds"'

        def rise(family, more, rest=''):
            key = f'{family}{rest}{label}{more}}}'
            name = family
            return after[name][1][key] - before[name][1][key]

        expect(after['revd_up'][1]['revd_up'], 1)
        expect(rise('revd_operations_total', ',operation="call"'), 4)
        expect(rise('revd_errors_total', ',status="invalid-text"'), 1)
        expect(rise('revd_requests_total', ''), 5)  # and the question itself
        expect(rise('revd_request_duration_seconds', '', '_count'), 5)
        expect(rise('revd_received_bytes_total', '') > 4 * 17, True)


def buckets_add_up():
    with Stage(REVD, REVC) as stage:
        stage.ask('-f', '-', stdin=b'hola\n' * 1000)
        kind, series = metrics(stage)['revd_request_duration_seconds']
        expect(kind, 'histogram')
        mine = {k: v for k, v in series.items() if 'endpoint="stream"' in k}
        buckets = [v for k, v in mine.items() if '_bucket' in k]
        bounds = [float(re.search('le="(.*)"', k)[1]) for k in mine if '_bucket' in k]
        expect(bounds, sorted(bounds))
        expect(buckets, sorted(buckets))
        expect(bounds[-1], float('inf'))
        count = [v for k, v in mine.items() if '_count' in k][0]
        total = [v for k, v in mine.items() if '_sum' in k][0]
        expect(buckets[-1], count)
        expect(count >= 1000 and total > 0, True)
        least = sum((b - a) * low for a, b, low in
                    zip([0, *buckets], buckets, [0, *bounds]))
        expect(least <= total, True)


def promtool_agrees():
    promtool = shutil.which('promtool')
    if not promtool:
        return
    with Stage(REVD, REVC) as stage:
        r = subprocess.run([promtool, 'check', 'metrics'], text=True, capture_output=True,
                           input=stage.ask('--metrics')[1], check=False)
        expect((r.returncode, r.stdout, r.stderr), (0, '', ''))


def nobody_serves():
    stage = Stage(REVD, REVC)
    code, out, err = stage.ask('--metrics')
    expect(code, 69)
    expect(parse(out)['revd_up'][1], {'revd_up': 0.0})
    says(err, stage.uris[0])
    code, out, err = stage.ask('--metrics', '--http', stdin=b'GET /metrics HTTP/1.1\r\n\r\n')
    expect(code, 0)
    says(out, 'revd_up 0\n')


def http_is_answered():
    with Stage(REVD, REVC) as stage:
        def get(request):
            code, out, err = stage.ask('--metrics', '--http', stdin=request)
            expect((code, err), (0, ''))
            head, _, body = out.partition('\r\n\r\n')
            return head.split('\r\n'), body
        head, body = get(b'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
        expect(head[0], 'HTTP/1.1 200 OK')
        says(head, 'Content-Type: text/plain; version=0.0.4; charset=utf-8')
        says(head, f'Content-Length: {len(body)}')
        expect(parse(body)['revd_up'][1], {'revd_up': 1.0})
        head, body = get(b'HEAD /metrics HTTP/1.0\r\n\r\n')
        expect((head[0], body), ('HTTP/1.1 200 OK', ''))
        expect(get(b'GET /metrics?x=1 HTTP/1.1\n\n')[0][0], 'HTTP/1.1 200 OK')
        expect(get(b'GET / HTTP/1.1\r\n\r\n')[0][0], 'HTTP/1.1 404 Not Found')
        expect(get(b'POST /metrics HTTP/1.1\r\n\r\n')[0][0], 'HTTP/1.1 405 Method Not Allowed')
        for bad in (b'', b'\r\n\r\n', b'GET /metrics\r\n\r\n', b'\xff\0\n\n', b'x' * 9000,
                    b'GET /metrics HTTP/1.1\r\n', b'GET /metrics SMTP\r\n\r\n'):
            expect(get(bad)[0][0], 'HTTP/1.1 400 Bad Request')


sys.exit(main([what_is_counted_is_there, buckets_add_up, promtool_agrees, nobody_serves,
               http_is_answered]))
