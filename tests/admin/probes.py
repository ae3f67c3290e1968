#!/usr/bin/env python3
"""The notes of the static probes in the built daemon, and the page that names them.

probes.py REVD PAGE
"""
import re
import subprocess
import sys

from stage import expect, main, says

REVD, PAGE = sys.argv[1:3]


def probes():
    out = subprocess.run(['readelf', '-n', REVD], check=True, capture_output=True, text=True).stdout
    return {name: len(args.split()) for name, args in
            re.findall(r'Provider: revd\n +Name: (\S+)\n.*\n +Arguments: (.*)\n', out)}


def the_notes_are_there():
    expect(probes(), {'request__start': 3, 'request__done': 5})


def the_page_tells_each():
    with open(PAGE, encoding='utf-8') as f:
        page = f.read().replace('\\', '')
    for name, n in probes().items():
        said = re.search(rf'\*{name}\*\(([^)]*)\)', page)
        expect(said and len(said[1].split(',')), n)
        says(page, f'usdt:/usr/bin/revd:revd:{name}')


sys.exit(main([the_notes_are_there, the_page_tells_each]))
